"""What the API says, in both languages: message and, where there is one, what to do next."""

from __future__ import annotations

from assay.model.text import Text

Said = tuple[Text, Text | None]

TEXTS: dict[str, Said] = {
    "not-logged-in": (
        Text(zh="尚未登录，或登录已过期。", en="You are not logged in, or the login has expired."),
        Text(zh="请用管理员密码登录。", en="Log in with the administrator's password."),
    ),
    "login-refused": (
        Text(zh="密码不正确。", en="The password is wrong."),
        Text(
            zh="密码在首次运行 assay serve 时显示过一次；忘记时可在服务器上重置。",
            en="It was shown once, when assay serve first ran; it can be reset on the server.",
        ),
    ),
    "too-many-attempts": (
        Text(
            zh="密码错误次数过多，请等待 {seconds} 秒。",
            en="Too many wrong passwords; wait {seconds} seconds.",
        ),
        None,
    ),
    "forged": (
        Text(
            zh="该请求缺少本次登录的 X-CSRF-Token，或来自其他网站，已被拒绝。",
            en="The request lacks this login's X-CSRF-Token or comes from another site; it was refused.",
        ),
        Text(zh="请重新加载页面后再试。", en="Reload the page and try again."),
    ),
    "upload-too-large": (
        Text(zh="文件超过 {limit} 字节的上限。", en="The file is larger than the limit of {limit} bytes."),
        Text(
            zh="大文件请在服务器上用 assay load 导入，或由管理员提高上限。",
            en="Load it on the server with assay load, or have the administrator raise the limit.",
        ),
    ),
    "upload-broken": (
        Text(zh="无法接收上传的文件：{detail}", en="The upload can't be taken: {detail}"),
        Text(
            zh="请以 multipart/form-data 的 file 字段上传一个文件。",
            en="Send one file as the field 'file' of multipart/form-data.",
        ),
    ),
    "import-missing": (
        Text(
            zh="没有导入 {id!r}；它可能已完成、被放弃或让位给了新的导入。",
            en="There is no import {id!r}; it may be done, given up, or have made room for a newer one.",
        ),
        Text(zh="请重新拖入文件。", en="Drop the file again."),
    ),
    "import-loading": (
        Text(zh="{file} 正在载入。", en="{file} is being loaded."),
        Text(zh="请等待载入完成。", en="Wait until it is done."),
    ),
    "imports-full": (
        Text(zh="已有 {count} 个文件正在载入。", en="{count} files are being loaded already."),
        Text(zh="请等待其中一个完成。", en="Wait until one of them is done."),
    ),
    "invalid-request": (
        Text(zh="请求内容无效：{problems}", en="The request is not valid: {problems}"),
        Text(
            zh="每个问题前面是它在请求中的位置。",
            en="Each problem starts with its place in the request.",
        ),
    ),
}

UPLOAD_DETAILS: dict[str, Text] = {
    "not-multipart": Text(
        zh="内容类型不是 multipart/form-data", en="its content type is not multipart/form-data"
    ),
    "no-file": Text(zh="没有 file 字段或缺少文件名", en="it has no field 'file' with a file name"),
    "two-files": Text(zh="一次只能上传一个文件", en="only one file can be sent at a time"),
    "cut-off": Text(zh="传输中断，内容不完整", en="it was cut off before its end"),
    "malformed": Text(zh="multipart 内容格式错误", en="its multipart body is malformed"),
    "field-too-large": Text(zh="除文件外的字段过大", en="a field other than the file is too large"),
}

FIRST_PASSWORD = Text(
    zh="管理员密码（仅显示这一次，请妥善保存）：",
    en="The administrator's password, shown this once; keep it:",
)

HTTP_PROBLEMS: dict[int, Said] = {
    400: (Text(zh="请求无法理解。", en="The request can't be understood."), None),
    404: (Text(zh="没有这个地址。", en="There is nothing at this address."), None),
    405: (Text(zh="该地址不支持这种请求方法。", en="This address does not take this method."), None),
    413: (
        Text(zh="请求内容过大。", en="The request is too large."),
        Text(zh="文件请通过导入页面上传。", en="Files go through the import page."),
    ),
    421: (
        Text(
            zh="服务器不以此名称提供服务。",
            en="This server does not answer to that name.",
        ),
        Text(
            zh="请使用 127.0.0.1、localhost，或由管理员配置的名称。",
            en="Use 127.0.0.1, localhost, or a name the administrator has configured.",
        ),
    ),
    500: (
        Text(zh="服务器内部出错。", en="Something went wrong inside the server."),
        Text(zh="详情见服务器日志。", en="The server's log says more."),
    ),
}
