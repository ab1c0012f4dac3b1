"""What pages say: titles of columns and figures, and the notes that state formula and sample of limits."""

from __future__ import annotations

from assay.model.text import Text

COLUMNS: dict[str, Text] = {
    "accepted": Text(zh="接受", en="Accepted"),
    "affected": Text(zh="受影响", en="Affected"),
    "bad": Text(zh="不良", en="Bad"),
    "carrier": Text(zh="载具", en="Carrier"),
    "characteristic": Text(zh="特性", en="Characteristic"),
    "column": Text(zh="列", en="Column"),
    "count": Text(zh="行数", en="Rows"),
    "duplicates": Text(zh="重复", en="Duplicates"),
    "ended": Text(zh="结束", en="Ended"),
    "equipment": Text(zh="设备", en="Equipment"),
    "execution": Text(zh="执行", en="Execution"),
    "file": Text(zh="文件", en="File"),
    "finished": Text(zh="完成时间", en="Finished"),
    "first_time": Text(zh="首次", en="First seen"),
    "gauge": Text(zh="量具", en="Gauge"),
    "inspected": Text(zh="已检", en="Inspected"),
    "last_time": Text(zh="最近", en="Last seen"),
    "line": Text(zh="行号", en="Line"),
    "lot": Text(zh="批次", en="Lot"),
    "material": Text(zh="物料", en="Material"),
    "message": Text(zh="说明", en="Message"),
    "method": Text(zh="方法", en="Method"),
    "person": Text(zh="人员", en="Person"),
    "position": Text(zh="位置", en="Position"),
    "quantity": Text(zh="数量", en="Quantity"),
    "quarantined": Text(zh="隔离", en="Quarantined"),
    "raw": Text(zh="原始行", en="Row as it was"),
    "reason": Text(zh="原因", en="Reason"),
    "recipe": Text(zh="配方", en="Recipe"),
    "recorded": Text(zh="记录时间", en="Recorded"),
    "replayed": Text(zh="重试接受时间", en="Taken later"),
    "role": Text(zh="角色", en="Role"),
    "rows": Text(zh="总行数", en="Rows"),
    "segment": Text(zh="工序", en="Process step"),
    "source": Text(zh="来源", en="Source"),
    "started": Text(zh="开始", en="Started"),
    "subject": Text(zh="对象", en="Subject"),
    "subject_kind": Text(zh="对象类型", en="Kind"),
    "text": Text(zh="结果", en="Result"),
    "time": Text(zh="时间", en="Time"),
    "unit": Text(zh="单位", en="Unit of measure"),
    "unit_id": Text(zh="单元", en="Unit"),
    "value": Text(zh="值", en="Value"),
    "work_order": Text(zh="工单", en="Work order"),
}
"""Titles of the columns that every plant has."""

KPIS: dict[str, Text] = {
    "inspected": Text(zh="已检对象", en="Inspected"),
    "bad": Text(zh="不良", en="Bad"),
    "rate": Text(zh="不良率", en="Bad rate"),
    "mean": Text(zh="均值", en="Mean"),
    "deviation": Text(zh="标准差", en="Standard deviation"),
    "units": Text(zh="单元", en="Units"),
    "bad_units": Text(zh="有不良的单元", en="Units with a bad result"),
    "quarantined": Text(zh="隔离的行", en="Quarantined rows"),
    "last": Text(zh="最近结果", en="Latest result"),
    "id": Text(zh="编号", en="Id"),
    "kind": Text(zh="类型", en="Kind"),
    "material": Text(zh="物料", en="Material"),
    "steps": Text(zh="执行", en="Executions"),
    "results": Text(zh="检测结果", en="Results"),
    "bad_results": Text(zh="不良结果", en="Bad results"),
    "first": Text(zh="首次记录", en="First record"),
}
"""Labels of headline figures."""

KINDS: dict[str, Text] = {
    "unit": Text(zh="单元", en="unit"),
    "lot": Text(zh="批次", en="lot"),
    "execution": Text(zh="执行", en="execution"),
}
"""Names of the subject kinds."""

CHARTS: dict[str, Text] = {
    "time": Text(zh="时间", en="Time"),
    "rate": Text(zh="不良率", en="Bad rate"),
    "mean": Text(zh="均值", en="Mean"),
    "bad": Text(zh="不良数", en="Bad"),
    "cumulated": Text(zh="累计占比", en="Cumulated share"),
    "centre": Text(zh="中心线", en="Centre line"),
    "low": Text(zh="下限", en="Lower limit"),
    "high": Text(zh="上限", en="Upper limit"),
    "beyond": Text(zh="超出界限", en="Beyond the limits"),
    "selected": Text(zh="所选", en="Selected"),
}
"""Titles of axes and series."""

NOTES: dict[str, Text] = {
    "p-limits": Text(
        zh="界限：按总体不良率 {centre} 和各时段的结果数，取二项分布精确的 0.135% 与 99.865% 分位数；"
        "时段 {width}；结果少于 10 个的时段不画界限。假定各结果相互独立。",
        en="Limits: exact binomial 0.135 % and 99.865 % quantiles for the overall rate {centre} and the number "
        "of results in each stretch; stretches of {width}; none where fewer than 10 results. Results are taken to be "
        "independent.",
    ),
    "mean-limits": Text(
        zh="界限：总均值 {centre} ± 3·s/√n，s 为各时段内合并标准差，n 为时段内结果数；时段 {width}；"
        "结果少于 10 个的时段不画界限。",
        en="Limits: overall mean {centre} ± 3·s/√n, s the standard deviation pooled within stretches, n the "
        "results of the stretch; stretches of {width}; none where fewer than 10 results.",
    ),
    "no-change": Text(
        zh="只有一个时段有结果，看不出走势。",
        en="Results lie in one stretch of time only; there is no course to show.",
    ),
    "pareto": Text(
        zh="{factor}：共 {bad} 个不良；百分比为累计占比。",
        en="{factor}: {bad} bad in all; the line is their cumulated share.",
    ),
    "rates": Text(
        zh="{factor} 各水平的不良率与 95% 区间（Clopper-Pearson；同一单元的多次结果按有效样本量计）；"
        "共 {count} 个水平，总体 {centre}。",
        en="Bad rate by level of {factor} with 95 % intervals (Clopper-Pearson; several results of one unit "
        "count by their effective number); {count} levels, overall {centre}.",
    ),
    "means": Text(
        zh="{factor} 各水平的均值与 95% 区间（Student t）；共 {count} 个水平，总体 {centre}。",
        en="Mean by level of {factor} with 95 % intervals (Student's t); {count} levels, overall {centre}.",
    ),
    "dose": Text(
        zh="{factor} 与目标的剂量反应曲线，阴影为 95% 区间。",
        en="The target against {factor}; the band is the 95 % interval of each point.",
    ),
    "no-steps": Text(zh="没有这个编号的工步记录。", en="No step is recorded for this id."),
    "unclear-rows": Text(
        zh="隔离区中的行没有丢失：修正映射后可以重试。",
        en="Quarantined rows are kept: correct the mapping, then try them again.",
    ),
    "not-shared": Text(
        zh="该对象不具有目标 {target} 的任何已确认原因。",
        en="It shares none of the causes found for {target}.",
    ),
}
"""Sentences under charts and grids."""


def filled(text: Text, **values: object) -> Text:
    """``text`` with its ``{names}`` replaced in both languages."""
    return Text(zh=text.zh.format_map(values), en=text.en.format_map(values))


def column_title(name: str, declared: dict[str, dict[str, str]]) -> Text:
    """The title of a column: the plant's own, else Assay's, else its name."""
    own = declared.get(name)
    if own:
        fallback = own.get("en") or own.get("zh") or name
        return Text(zh=own.get("zh") or fallback, en=own.get("en") or fallback)
    return COLUMNS.get(name) or Text(zh=name, en=name)
