"""Functions that only compiled code calls: linked into whoever runs them, and optimised there alone.

Numba optimises each function and makes it machine code together with all that it calls, once for every constant it is
called with. An event loop of seventy functions took 14 s that way; as parts it takes 4, and runs faster.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["as_whole", "part"]


def part(function: Any, copied: bool = False) -> Any:
    """The function as a part of compiled ones. It owns no array, and Python cannot call it.

    Args:
        function: of records and numbers.
        copied: into each place that calls it.
    """
    from numba import njit, types

    made: Any = njit(  # type: ignore[call-overload]
        _nrt=False, no_rewrites=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=copied,
        pipeline_class=_pipelines()[0],
    )(function)  # fmt: skip
    template: Any = made.get_call_template
    unliteral: Any = types.unliteral

    def for_any_constant(arguments: Any, named: Any) -> Any:
        return template(tuple(unliteral(a) for a in arguments), named)

    made.get_call_template = for_any_constant
    return made


def as_whole() -> dict[str, Any]:
    """Options of ``compiled`` for a function that is made of parts: they are optimised once, all together."""
    return {"_nrt": False, "no_rewrites": True, "pipeline_class": _pipelines()[1]}


@cache
def _pipelines() -> tuple[Any, Any]:
    """Numba's compiler for parts and for what is made of them; the usual one where a version has other pieces.

    Both leave out what only closures and arrays need.
    """
    from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder

    try:
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler_machinery import FunctionPass, register_pass
        from numba.core.untyped_passes import InlineClosureLikes, TranslateByteCode
    except ImportError:
        return Compiler, Compiler

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

    class Whole(JITCodeLibrary):
        """Code that is optimised once; Numba does it twice, to find references that cancel, of which there are none."""

        def _optimize_final_module(self) -> None:
            manager, builder = self._codegen._module_pass_manager()  # type: ignore[no-untyped-call]
            manager.run(self._final_module, builder)

    def pipeline(library: Any) -> Any:
        @register_pass(mutates_CFG=False, analysis_only=False)  # type: ignore[no-untyped-call]
        class Into(FunctionPass):
            """Give the function its library, in place of the one that lowering would make."""

            _name = f"potomac_into_{library.__name__.lower()}"

            def __init__(self) -> None:
                super().__init__()  # type: ignore[no-untyped-call]

            def run_pass(self, state: Any) -> bool:
                state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
                state.library.enable_object_caching()
                return True

        class Pipeline(CompilerBase):
            def define_pipelines(self) -> list[Any]:
                passes: Any = DefaultPassBuilder.define_nopython_pipeline(self.state)  # type: ignore[no-untyped-call]
                passes.passes = [p for p in passes.passes if p[0] is not InlineClosureLikes]
                passes.add_pass_after(Into, TranslateByteCode)
                passes.finalize()
                return [passes]

        return Pipeline

    return pipeline(Part), pipeline(Whole)


class _Unrun:
    """A code generator for what is nowhere in memory yet: it has no variable that could be set."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, env: Any) -> None:
        """There is none."""
