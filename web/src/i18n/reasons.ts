/** Why rows are quarantined, by the codes of a load report. Codes of plugin connectors stand for themselves. */

import type { Text } from "../api/types";

export const reasons: Record<string, Text> = {
  "ragged-row": { zh: "单元格过多或过少的行", en: "Row with too few or too many cells" },
  "bad-encoding": { zh: "字节不符合文件编码", en: "Bytes that are not text in the file's encoding" },
  "zero-byte": { zh: "单元格含零字节", en: "Zero byte in a cell" },
  "unterminated-quote": { zh: "引号未闭合", en: "Quote that is never closed" },
  "row-too-long": { zh: "行过长", en: "Row too long to be one" },
  "unparsable-number": { zh: "不是数字", en: "Not a number" },
  "unparsable-integer": { zh: "不是整数", en: "Not a whole number" },
  "unparsable-truth-value": { zh: "既非真也非假", en: "Neither true nor false" },
  "unparsable-time": { zh: "不是时间", en: "Not a time" },
  "nonexistent-time": { zh: "不存在的本地时间", en: "Wall time that does not exist" },
  "ambiguous-time": { zh: "出现两次的本地时间", en: "Wall time that occurs twice" },
  "time-out-of-range": { zh: "时间超出范围", en: "Time out of range" },
  "impossible-time": { zh: "结束早于开始", en: "End before start" },
  "empty-required": { zh: "必填值为空", en: "Required value is empty" },
  "unknown-unit": { zh: "未知单位", en: "Unknown unit" },
  "unknown-word": { zh: "不在允许范围内的词", en: "Word that is not one of those allowed" },
  "too-long": { zh: "编号过长", en: "Id too long" },
  "contradiction-in-row": { zh: "行内自相矛盾", en: "Row that contradicts itself" },
  "duplicate-key": { zh: "键相同而内容不同", en: "Same key, different content" },
  "invalid-entity": { zh: "主数据不符合其类别", en: "Master data that does not fit its kind" },
};
