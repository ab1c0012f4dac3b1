"""Sentences of a cause report, in Chinese and English."""

from __future__ import annotations

from assay.model.text import Text

_CATALOGUE: dict[str, tuple[str, str]] = {
    "risk": (
        "{what}：{rate:.1%} 不良，其余为 {rest:.1%}{ratio}。",
        "{what}: {rate:.1%} bad against {rest:.1%} elsewhere{ratio}.",
    ),
    "ratio": (
        "，风险比 {ratio:.2f}（{low:.2f}–{high:.2f}）",
        ", risk ratio {ratio:.2f} ({low:.2f} to {high:.2f})",
    ),
    "mean": (
        "{what}：均值高出 {shift:.4g}（{low:.4g} 至 {high:.4g}），即 {standardised:.2f} 个标准差。",
        "{what}: mean higher by {shift:.4g} ({low:.4g} to {high:.4g}), {standardised:.2f} SD.",
    ),
    "level": ("{factor} = {value}", "{factor} = {value}"),
    "rising": ("{factor} 越高目标越高，尤其是 {range}", "the target rises with {factor}, most at {range}"),
    "falling": (
        "{factor} 越低目标越高，尤其是 {range}",
        "the target rises as {factor} falls, most at {range}",
    ),
    "ends": (
        "{factor} 过高或过低时目标升高：{range}",
        "the target is raised at both ends of {factor}: {range}",
    ),
    "middle": ("{factor} 居中时目标升高：{range}", "the target is raised in the middle of {factor}: {range}"),
    "same rows": (
        "{factor} = {value} 覆盖的几乎是同一批记录，现有数据无法区分两者。",
        "{factor} = {value} covers (nearly) the same records; the data cannot separate the two.",
    ),
    "same time": (
        "这段时间内几乎只有该水平，现有数据无法区分它与时间段 {value}。",
        "(Nearly) nothing else was made in this time; the data cannot separate it from the window {value}.",
    ),
    "explained": (
        "{what} 单独看也显著，考虑该原因后不再显著（p {before:.2g} → {after:.2g}）。",
        (
            "{what} looked like a cause on its own; given this one it no longer does "
            "(p {before:.2g} → {after:.2g})."
        ),
    ),
    "refused": (
        "其中 {subjects} 个对象有被门禁拒绝作为证据的记录{bad}；它们照常参与分析。",
        "Of {subjects} subjects the gate refused records as evidence{bad}; they count like all others.",
    ),
    "refused bad": ("，其中 {bad} 个符合目标", ", {bad} of which fulfil the target"),
    "found": (
        "在 {tests} 个检验中按族错误率 {rate:.0%} 判定。",
        "Claimed at a family-wise error of {rate:.0%} over {tests} tests.",
    ),
    "nothing": (
        "证据不足：{subjects} 个对象、{tests} 个检验中，没有一个原因达到族错误率 {rate:.0%} 的要求。",
        (
            "Insufficient evidence: of {tests} tests over {subjects} subjects "
            "none meets a family-wise error of {rate:.0%}."
        ),
    ),
    "no bad": (
        "证据不足：{subjects} 个对象中没有一个符合目标；记录的值有 {values}。",
        "Insufficient evidence: none of the {subjects} subjects fulfils the target; recorded are {values}.",
    ),
    "all bad": (
        "证据不足：全部 {subjects} 个对象都符合目标，没有可比较的对象。",
        "Insufficient evidence: all {subjects} subjects fulfil the target; there is nothing to compare with.",
    ),
    "constant": (
        "证据不足：{subjects} 个对象的值都相同。",
        "Insufficient evidence: all {subjects} subjects have the same value.",
    ),
    "no factor": (
        "证据不足：{subjects} 个对象没有任何有变化的已记录因素。",
        "Insufficient evidence: no recorded factor varies over the {subjects} subjects.",
    ),
}


def said(key: str, **values: object) -> Text:
    """The sentence ``key`` with its values; a value that is itself a :class:`Text` goes in by language."""
    zh, en = _CATALOGUE[key]
    return Text(zh=zh.format(**_in("zh", values)), en=en.format(**_in("en", values)))


def _in(language: str, values: dict[str, object]) -> dict[str, object]:
    return {
        name: getattr(value, language) if isinstance(value, Text) else value for name, value in values.items()
    }


_TITLES: dict[str, tuple[str, str]] = {
    "equipment": ("设备", "equipment"),
    "carrier": ("载具", "carrier"),
    "person": ("人员", "person"),
    "recipe": ("配方", "recipe"),
    "work_order": ("工单", "work order"),
    "material": ("物料", "material"),
    "position": ("位置", "position"),
    "gauge": ("量具", "gauge"),
    "method": ("方法", "method"),
    "time window": ("时间段", "time window"),
    "drift": ("时间漂移", "drift"),
    "hour of day": ("小时", "hour of day"),
    "weekday": ("星期", "weekday"),
}


def title_of(name: str) -> Text:
    """What people call a factor that no mapping has given a title; its own name when nothing is better."""
    zh, en = _TITLES.get(name, (name, name))
    return Text(zh=zh, en=en)
