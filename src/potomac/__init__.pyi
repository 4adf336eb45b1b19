from potomac import engine as engine
from potomac import errors as errors
from potomac import geo as geo
from potomac import location as location
from potomac import outliers as outliers
from potomac import recommend as recommend
from potomac import report as report
from potomac import simulation as simulation
from potomac import spec as spec
from potomac import stats as stats
from potomac import studies as studies
from potomac import tables as tables
from potomac import units as units

__version__: str
