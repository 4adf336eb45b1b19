"""What all pages share: who asks, and refusals that become pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from potomac.errors import PotomacError
from potomac.server.flows.base import Conflict, Denied, Missing, TooMuch
from potomac.server.pages import errors
from potomac.server.people.actors import actor

__all__ = ["actor", "page"]

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def page(*methods: str) -> Callable[[View[P]], View[P]]:
    """A view for these methods; what a flow refuses becomes a page that says why."""

    def made(view: View[P]) -> View[P]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **more: P.kwargs) -> HttpResponse:
            if request.method not in (*methods, "HEAD" if "GET" in methods else ""):
                return HttpResponseNotAllowed(methods)
            try:
                return view(request, *args, **more)
            except Denied as error:
                if error.sign_in and request.user.is_anonymous:
                    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
                return errors.show(request, 403, error.why)
            except Missing:
                return errors.show(request, 404)
            except Conflict as error:
                return errors.show(request, 409, str(error))
            except TooMuch as error:
                return errors.show(request, 429, str(error))
            except PotomacError as error:
                return errors.show(request, 422, faults=error.faults)

        return answer

    return made
