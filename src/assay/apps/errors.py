"""Errors of pages, said in both languages."""

from __future__ import annotations

from assay.apps.payloads import Problem
from assay.model.errors import (
    AccessError,
    AnalysisError,
    AssayError,
    MappingError,
    ModelError,
    PluginError,
    QueryError,
    SourceError,
    StoreError,
    TraceError,
)
from assay.model.text import Text


class SpokenError(AssayError):
    """An error whose message (and hint) exist in both languages; ``str()`` is the English one.

    Parameters
    ----------
    said
        What happened, where, with which value.
    advice
        What to do next.
    """

    def __init__(self, said: Text, advice: Text | None = None) -> None:
        super().__init__(said.en, hint=advice.en if advice else None)
        self.said = said
        self.advice = advice


class PageError(SpokenError, ValueError):
    """A page specification, or what is asked of a page, is not valid."""

    is_missing = False

    @classmethod
    def not_yaml(cls, origin: str, detail: str) -> PageError:
        """The text can't be parsed."""
        return cls(
            Text(zh=f"{origin} 不是有效的 YAML：{detail}", en=f"{origin} is not valid YAML: {detail}"),
            Text(zh="请检查所示行的缩进和引号。", en="Check indentation and quotes at the line shown."),
        )

    @classmethod
    def invalid(cls, origin: str, problems: list[str]) -> PageError:
        """The document is not a page; one problem per path."""
        listed = "; ".join(problems)
        return cls(
            Text(zh=f"{origin} 不是有效的页面：{listed}", en=f"{origin} is not a valid page: {listed}"),
            Text(zh="每个问题前面是它在文件中的路径。", en="Each problem starts with its path in the file."),
        )

    @classmethod
    def missing(cls, page: str, known: list[str]) -> PageError:
        """No page has this id."""
        error = cls(
            Text(zh=f"没有页面 {page!r}", en=f"There is no page {page!r}"),
            Text(zh=f"现有页面：{'、'.join(known)}", en=f"Pages: {', '.join(known)}"),
        )
        error.is_missing = True
        return error

    @classmethod
    def unknown(cls, page: str, what: str, names: list[str], known: list[str]) -> PageError:
        """A request names parameters or bindings that the page does not have."""
        wrong, right = ", ".join(map(repr, names)), ", ".join(known) or "–"
        return cls(
            Text(
                zh=f"页面 {page} 没有{_WHAT[what].zh} {wrong}",
                en=f"Page {page} has no {_WHAT[what].en} {wrong}",
            ),
            Text(zh=f"已有：{right}", en=f"It has: {right}"),
        )

    @classmethod
    def needs(cls, title: Text) -> PageError:
        """A parameter without which the binding can't be evaluated is empty."""
        return cls(
            Text(zh=f"尚未给出“{title.zh}”", en=f"{title.en!r} is not given yet"),
            Text(zh="请在页面上方填写。", en="Fill it in at the top of the page."),
        )

    @classmethod
    def no_factor(cls) -> PageError:
        """There is no factor to break a target down by."""
        return cls(
            Text(zh="这些结果没有记录任何因素", en="No factor is recorded for these results"),
            Text(
                zh="在映射中把可能的原因列标为 factor 后重新导入。",
                en="Mark the columns that may be causes as factors in the mapping and load again.",
            ),
        )

    @classmethod
    def unknown_id(cls, wanted: str) -> PageError:
        """Nothing is recorded under an id."""
        error = cls(
            Text(zh=f"没有编号 {wanted!r} 的任何记录", en=f"Nothing is recorded under the id {wanted!r}"),
            Text(
                zh="可在原因页的证据行或受影响单元中点击编号。",
                en="Ids can be followed from the evidence rows and affected units of the cause page.",
            ),
        )
        error.is_missing = True
        return error

    @classmethod
    def nothing_selected(cls) -> PageError:
        """A binding follows a selection and there is none."""
        return cls(
            Text(zh="没有选中的原因", en="No cause is selected"),
            Text(zh="请在原因列表中选择一项。", en="Choose one in the list of causes."),
        )


_WHAT = {
    "params": Text(zh="参数", en="parameter"),
    "data": Text(zh="数据", en="binding"),
}


_DOMAINS: tuple[tuple[type[AssayError], Text], ...] = (
    (MappingError, Text(zh="映射有误", en="The mapping does not work")),
    (SourceError, Text(zh="文件无法读取", en="The file can't be read")),
    (QueryError, Text(zh="表达式或查询无效", en="The expression or query is not valid")),
    (AnalysisError, Text(zh="无法进行分析", en="The analysis can't be run")),
    (TraceError, Text(zh="追溯中找不到该编号", en="The id is not known")),
    (StoreError, Text(zh="存储操作未能完成", en="The store can't do this")),
    (PluginError, Text(zh="插件无法使用", en="The plugin can't be used")),
    (AccessError, Text(zh="没有权限", en="This is not allowed")),
    (ModelError, Text(zh="定义无效", en="The definition is not valid")),
    (AssayError, Text(zh="操作未能完成", en="This did not work")),
)


def problem_of(error: AssayError) -> Problem:
    """The error as it is shown: in both languages where it has them, else its own words under a title."""
    if isinstance(error, SpokenError):
        return Problem(message=error.said, hint=error.advice)
    title = next(title for kind, title in _DOMAINS if isinstance(error, kind))
    message = Text(zh=f"{title.zh}：{error.message}", en=error.message)
    return Problem(message=message, hint=Text(zh=error.hint, en=error.hint) if error.hint else None)


def unexpected_problem() -> Problem:
    """What is said of an error that nobody expected; its details go to the log."""
    return Problem(
        message=Text(zh="服务器内部出错。", en="Something went wrong inside the server."),
        hint=Text(zh="详情见服务器日志。", en="The server's log says more."),
    )
