"""Every action once, as a function of the actor and the input; pages and REST call these and nothing else.

A flow checks what the actor may do, does it, and writes a line into the audit log. It raises :class:`Denied`,
:class:`Missing`, :class:`Conflict`, or the faults of the study or data (:class:`potomac.errors.PotomacError`).
"""
