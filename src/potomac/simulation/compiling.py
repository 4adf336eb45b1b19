"""Functions that only compiled code calls: linked into whoever runs them, and optimised there alone.

Numba optimises each function and makes it machine code together with all that it calls, once for every constant it is
called with. An event loop of seventy functions took 14 s that way; as parts it takes 4, and runs as fast.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["part"]


def part(function: Any) -> Any:
    """The function as a part of compiled ones. It owns no array, and Python cannot call it."""
    from numba import njit, types

    made: Any = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_pipeline())(function)  # type: ignore[call-overload]
    template: Any = made.get_call_template
    unliteral: Any = types.unliteral

    def for_any_constant(arguments: Any, named: Any) -> Any:
        return template(tuple(unliteral(a) for a in arguments), named)

    made.get_call_template = for_any_constant
    return made


@cache
def _pipeline() -> Any:
    """Numba's compiler, whose product waits to be linked; the usual one where a version has other parts."""
    from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder

    try:
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler_machinery import FunctionPass, register_pass
        from numba.core.untyped_passes import TranslateByteCode
    except ImportError:
        return Compiler

    class Part(JITCodeLibrary):
        """Code that is neither optimised nor run by itself."""

        def _optimize_final_module(self) -> None:
            """Whoever links it does."""

        def _finalize_final_module(self) -> None:
            self._finalized = True

        @property
        def codegen(self) -> Any:
            return _Unrun(self._codegen)

        def get_pointer_to_function(self, name: str) -> int:
            self._ensure_finalized()  # type: ignore[no-untyped-call]
            return 0

    library: Any = Part

    @register_pass(mutates_CFG=False, analysis_only=False)  # type: ignore[no-untyped-call]
    class AsPart(FunctionPass):
        """Give the function its library, in place of the one that lowering would make."""

        _name = "potomac_as_part"

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]

        def run_pass(self, state: Any) -> bool:
            state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
            return True

    class Pipeline(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            passes: Any = DefaultPassBuilder.define_nopython_pipeline(self.state)  # type: ignore[no-untyped-call]
            passes.add_pass_after(AsPart, TranslateByteCode)
            passes.finalize()
            return [passes]

    return Pipeline


class _Unrun:
    """A code generator for what is nowhere in memory yet: it has no variable that could be set."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, env: Any) -> None:
        """There is none."""
