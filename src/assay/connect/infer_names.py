"""What the name of a column suggests, in English, German and Chinese."""

from __future__ import annotations

import re
from functools import lru_cache

_HINTS: dict[str, str] = {
    "execution": (
        "run|cycle|process id|execution|operation id|job id|shot|vorgang|流水号|运行|循环|过程号|加工号"
    ),
    "unit": (
        "unit id|unit|serial|serial number|serial no|sn|part|part id|part no|workpiece|piece|"
        "barcode|dmc|product id|sample id|wafer|cell id|vin|uid|seriennummer|teil|序列号|"
        "产品编号|产品号|工件|条码|二维码|件号|零件|样品|电芯"
    ),
    "lot": "lot|batch|charge|heat|coil|los|批次|批号|炉号|卷号",
    "started": "start|started|begin|start time|time in|开始|开始时间|进站",
    "ended": "end|ended|finish|stop|end time|time out|结束|结束时间|完成|出站",
    "time": "time|date|datetime|timestamp|datum|zeit|uhrzeit|时间|日期|时刻|检测时间|测量时间",
    "outcome": (
        "result|judgement|judgment|verdict|outcome|ok|pass|pass fail|status|quality|defect|"
        "conform|ergebnis|urteil|结果|判定|合格|结论|质检|是否合格|缺陷"
    ),
    "equipment": "machine|station|equipment|line|maschine|anlage|设备|机台|机床|工站|工位|产线|线体",
    "person": (
        "operator|person|worker|inspector|employee|bediener|pruefer|操作员|操作者|操作工|人员|员工|检验员"
    ),
    "gauge": "gauge|gage|instrument|meter|device|messmittel|量具|仪器|检具|量仪",
    "material": "material|material no|article|werkstoff|物料|材料|料号|物料号",
    "segment": "step|operation|process|segment|process step|station step|工序|工步|工艺",
    "recipe": "recipe|program|programm|rezept|配方|程序",
    "work_order": "order|work order|order no|auftrag|工单|订单",
    "carrier": "carrier|tray|pallet|fixture|托盘|载具|夹具",
    "characteristic": (
        "characteristic|feature|parameter|measurement|measurand|item|merkmal|特性|参数|检测项|"
        "检测项目|检验项目|测量项|测量项目|项目"
    ),
    "value": (
        "value|measured|measured value|reading|actual|wert|messwert|istwert|测量值|实测值|值|数值|检测值"
    ),
    "measure": "uom|unit|measure|einheit|单位|计量单位",
    "design": (
        "condition|label|split|fold|scenario|experiment|treatment|dataset|subset|target|"
        "ground truth|标签|实验|分组|数据集|条件"
    ),
    "note": (
        "file|filename|path|url|comment|note|remark|description|image|kommentar|bemerkung|datei|"
        "备注|说明|文件|图片|注释|描述"
    ),
    "flag": "exception|flag|error|alarm|fault|异常|报警|标志",
    "code": (
        "no|nr|id|code|number|position|location|cavity|nest|spindle|head|lane|shift|slot|channel|"
        "type|class|group|line|tool|mold|mould|站|号|编号|代码|班次|穴|模腔|位置|通道|型号|类型|"
        "班组"
    ),
}

_IDS = frozenset({"id", "no", "nr", "number", "num", "key", "name", "uid", "stamp", "nummer"})
"""Words behind a noun that name the thing itself: a machine id is a machine, a machine hour is not."""

_WORDS = {name: frozenset(words.split("|")) for name, words in _HINTS.items()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKETS = re.compile(r"[\[(（【](?P<unit>[^\])）】]*)[\])）】]\s*$")


def bare(column: str) -> str:
    """The name in lower-case words, without a unit in brackets."""
    name = _CAMEL.sub(" ", _BRACKETS.sub("", column))
    return " ".join("".join(one if one.isalnum() else " " for one in name).lower().split())


def unit_in(column: str) -> str | None:
    """The unit in brackets at the end of a column name, as written."""
    found = _BRACKETS.search(column)
    return found["unit"].strip() if found and found["unit"].strip() else None


@lru_cache(maxsize=4096)
def suggests(column: str, what: str) -> float:
    """How strongly a name suggests a meaning: 1 as a whole, less as one of its words, 0 not at all."""
    name, known = bare(column), _WORDS[what]
    if name in known:
        return 1.0
    parts = name.split()
    best = 0.0
    for first in range(len(parts)):
        for last in range(first + 1, len(parts) + 1):
            if " ".join(parts[first:last]) in known:
                rest = set(parts[last:])
                best = max(best, 0.8 if not rest else 0.9 if rest <= _IDS else 0.4)
    if best == 0.0:
        # Chinese has no spaces between words; a single sign means something at the end only
        chinese = [word for word in known if not word.isascii()]
        best = (
            0.7 if any(name.endswith(word) or (len(word) > 1 and word in name) for word in chinese) else 0.0
        )
    return best
