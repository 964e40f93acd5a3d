"""Chinese: every sentence and heading by its English, every identifier by its vocabulary."""

from typing import Final

WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")

SENTENCES: Final[dict[str, str]] = {
    # Headings of tables and fields
    "acknowledged by": "确认人",
    "alert": "告警",
    "alerts": "告警数",
    "assigned to": "负责人",
    "basis": "依据",
    "by": "操作人",
    "case": "处置",
    "decision": "决定",
    "detail": "详情",
    "differing": "内容不同",
    "double": "重复",
    "ended": "结束",
    "events": "事件",
    "extra": "多余",
    "file": "文件",
    "home": "目录",
    "in quarantine": "隔离",
    "key": "键",
    "line": "行",
    "logged": "日志中",
    "log's time": "日志时间",
    "low–high": "下限–上限",
    "missing": "缺失",
    "name": "名称",
    "number": "编号",
    "offset": "偏移",
    "part": "部分",
    "partition": "分区",
    "people": "人数",
    "person": "人员",
    "place": "地点",
    "reason": "原因",
    "resolution": "结论",
    "replayed": "重放得到",
    "rule": "规则",
    "running": "运行中",
    "severity": "级别",
    "signal": "信号位置",
    "signals": "信号",
    "site": "站点",
    "sites": "站点数",
    "sizes": "大小",
    "source": "来源",
    "started": "开始",
    "state kept": "状态快照",
    "status": "状态",
    "times": "次数",
    "version": "版本",
    "way": "路径",
    "what": "内容",
    "what it means": "含义",
    "when": "时间",
    "when (UTC)": "时间（UTC）",
    "where": "位置",
    "zone": "区域",
    # Words in cells
    "at signal {at:,}": "信号 {at:,} 处",
    "never": "尚无",
    "no": "否",
    "off the site": "站点之外",
    "still here": "仍在内",
    "yes": "是",
    "yes, as process {pid}": "是，进程 {pid}",
    "log {log}, history {history}, all {all}": "日志 {log}，历史库 {history}，合计 {all}",
    "{signals:,} in the log: {decided:,} decided, {lag:,} waiting; {history_signals:,} in history": (
        "日志 {signals:,} 条：已判定 {decided:,}，等待 {lag:,}；历史库 {history_signals:,} 条"
    ),
    "{events:,} in the log; {history_events:,} in history": (
        "日志 {events:,} 条；历史库 {history_events:,} 条"
    ),
    # Answers
    "known to be there": "确知在内",
    "may be there as well (low–high: at least–at most)": "可能也在内（下限–上限：至少–至多）",
    "nobody was on site": "站点内无人",
    "nothing found": "没有结果",
    "nothing is in quarantine": "隔离区为空：全部内容均已读取",
    "nothing is known of this person or credential": "没有此人员或凭证的任何记录",
    "no alerts": "没有告警",
    "no visits: is the person spelt as in directory.csv, and the span right?": (
        "没有到访记录：请核对人员写法（与 directory.csv 一致）与时间范围"
    ),
    "made {home} from the template {template}: {files}": "已按模板 {template} 建立 {home}：{files}",
    "next: {command}": "下一步：{command}",
    "see why: {command}": "查看原因：{command}",
    "{n:,} alerts; --json has the ids of the signals they rest on": (
        "共 {n:,} 条告警；--json 给出所依据信号的编号"
    ),
    "{n:,} alerts; a wider terminal shows severity and status, --json everything": (
        "共 {n:,} 条告警；更宽的终端显示级别与状态，--json 给出全部"
    ),
    "{read:,} read: {accepted:,} accepted ({late:,} of them late), {duplicates:,} duplicates, "
    "{quarantined:,} in quarantine": (
        "读取 {read:,} 条：接收 {accepted:,}（其中迟到 {late:,}），重复 {duplicates:,}，隔离 {quarantined:,}"
    ),
    "{read:,} read again: {accepted:,} accepted, {duplicates:,} duplicates, "
    "{quarantined:,} still unreadable": (
        "重新读取 {read:,} 条：接收 {accepted:,}，重复 {duplicates:,}，仍无法读取 {quarantined:,}"
    ),
    "{signals:,} signals of {persons:,} people in {file}": "{file}：{persons:,} 人的 {signals:,} 条信号",
    "the people are in {directory}: make it the home's directory.csv before you import them": (
        "人员名录在 {directory}：导入信号之前，请先以它作为 home 的 directory.csv"
    ),
    "{when}: {n:,} people on site": "{when}：站点内 {n:,} 人",
    "the log ends at {end}: what came later is not in it": "日志截止于 {end}：此后的情况未记录",
    "The history holds what the log holds.": "历史库与日志一致。",
    "THE HISTORY DIFFERS FROM THE LOG.": "历史库与日志不一致！",
    "identical": "完全一致",
    "DIFFERENT": "不一致",
    "{signals:,} signals decided again: {events:,} events, {verdict}": (
        "重新判定 {signals:,} 条信号：{events:,} 个事件，{verdict}"
    ),
    # Manual placement
    "{person}: {where}, since {when}": "{person}：{where}，自 {when} 起",
    "{person} was not placed: {reason}": "未登记 {person}：{reason}",
    # Cases
    "Nothing was decided: {reason}": "未作决定：{reason}",
    "Sent as {id}; limen relay decides it.": "已发出，编号 {id}；由 limen relay 裁定。",
    "nothing has been decided about it": "尚无处置决定",
    # Topics
    "all topics are as they should be": "所有主题均符合设置",
    "{topic}: {what} is {wanted} now": "{topic}：{what} 现为 {wanted}",
    "{signals:,} signals and {events:,} events are on their way": (
        "{signals:,} 条信号和 {events:,} 个事件尚在途中"
    ),
    # Documents into Kafka
    "{site}: {file} is in force": "{site}：{file} 已生效",
    "{site}: {file} is refused: {reason}": "{site}：{file} 被拒绝：{reason}",
    "{site}: {file} is written; no worker has decided it yet": "{site}：{file} 已写入，尚无 worker 判定",
    "{site}: everything is in force already": "{site}：全部早已生效",
    # The doctor
    "{version} is too old": "{version} 过旧",
    "install Python 3.11 or later": "请安装 Python 3.11 或更高版本",
    "limen is run without being installed": "limen 未安装即运行",
    "missing: {names}": "缺少：{names}",
    "all {n} are installed": "全部 {n} 个均已安装",
    "the user's cache cannot be written: rules are compiled anew at every start": (
        "用户缓存不可写：每次启动都要重新编译规则"
    ),
    "make ~/.cache writable, or set NUMBA_CACHE_DIR to a folder that is": (
        "请使 ~/.cache 可写，或将 NUMBA_CACHE_DIR 设为可写的文件夹"
    ),
    "kept in {folder}": "存放于 {folder}",
    "it shows a time before 2026": "时钟显示的时间早于 2026 年",
    "set it (timedatectl set-ntp true)": "请校准时钟（timedatectl set-ntp true）",
    "{free:,.1f} GiB free at {folder}": "{folder} 剩余 {free:,.1f} GiB",
    "free some space: the log must never run out of it": "请腾出空间：日志绝不能没有空间",
    "free some space: a busy site writes a gigabyte in weeks": "请腾出空间：繁忙的站点数周即写入 1 GB",
    "no Unix socket can be made ({error})": "无法建立 Unix 套接字（{error}）",
    "run Limen where {root} is on a local disk": "请在 {root} 位于本地磁盘的机器上运行 Limen",
    "commands can reach a running process": "命令可以联系到运行中的进程",
    "there is none in {root}": "{root} 中没有 home",
    "{root} can be written": "{root} 可写",
    "{root} cannot be written": "{root} 不可写",
    "chown it to you, or chmod u+w {root}": "请用 chown 改为归您所有，或执行 chmod u+w {root}",
    "can be used": "可用",
    "correct the file there": "请在该处更正文件",
    "{place}: nobody in directory.csv is of the department {department}": (
        "{place}：directory.csv 中没有部门为 {department} 的人员"
    ),
    "write it as directory.csv does, or leave it out": "请按 directory.csv 的写法更正，或将其删去",
    "others may read it": "他人可以读取",
    "nobody has the home; commands open it themselves": "无进程占用；命令会自行打开",
    "process {pid} has the home": "进程 {pid} 正占用",
    "process {pid} has the home and answers for it": "进程 {pid} 正占用，并代为应答",
    "it is not there, but the log has {n:,} decisions about alerts": (
        "文件不存在，但日志中有 {n:,} 条对告警的处置"
    ),
    "restore it from the newest backup of the home": "请从 home 的最新备份恢复",
    "restore it, or move it away and import again": "请恢复，或将其移走后重新导入",
    "if the log was lost, restore it from the newest backup of the home; "
    "else move the history away: it is made again from the log": (
        "若日志已丢失，请从 home 的最新备份恢复；否则请将历史库移走：会由日志重新生成"
    ),
    "{signals:,} signals, {events:,} events": "{signals:,} 条信号，{events:,} 个事件",
    "{n:,} entries, {open:,} of them open": "{n:,} 条，其中待处理 {open:,} 条",
    "can be read": "可以读取",
    "is there; whoever has the home sees to it that it is no longer than the log": (
        "存在；由占用 home 的进程确保其不超出日志"
    ),
    "is there": "存在",
    "is no longer than the log; 'limen verify' compares the two": "未超出日志；可用 'limen verify' 比对二者",
    "not found; optional, for a Kafka broker in tests and demo-kafka": (
        "未找到；可选，供测试与 demo-kafka 中的 Kafka broker 使用"
    ),
    "not found; optional, for fetching that broker": "未找到；可选，用于下载该 broker",
    "not found; optional, for a PostgreSQL server in tests": "未找到；可选，供测试中的 PostgreSQL 服务器使用",
    "not found; optional, for ClickHouse's driver for Go in tests": (
        "未找到；可选，供测试中 ClickHouse 的 Go 驱动使用"
    ),
    # The demonstration and its summary
    "A recorded fortnight: every badge reading of an office building": "实录两周：一座办公楼的全部刷卡记录",
    "A simulated day: {n:,} people on a campus, faster than life": "模拟一天：园区 {n:,} 人，快进播放",
    "{accepted:,} signals (duplicates {duplicates:,}, unreadable {quarantined:,}) "
    "became {visits:,} visits of {persons:,} people.": (
        "{accepted:,} 条信号（重复 {duplicates:,}，无法读取 {quarantined:,}）"
        "还原为 {persons:,} 人的 {visits:,} 次到访。"
    ),
    "{at:%H:%M} {bar} {n:,} inside": "{at:%H:%M} {bar} 在内 {n:,} 人",
    "{n:,} alerts": "{n:,} 条告警",
    "A few of them": "其中几条",
    "Try next": "接着试试",
    "who was where, and how sure that is": "谁在哪里，有多确定",
    "one person's days, from door to door": "一个人的每一天：从门到门",
    "who came in at night": "谁在夜间进入",
    "everything known of one person; your look is recorded": "关于一个人的全部记录；你的查询也会留痕",
    "decide it all again: the same, to the byte": "全部重新判定：逐字节一致",
    "the door that should not have opened": "不该打开的门",
    "let the campus live (Ctrl-C ends it)": "让园区运行起来（Ctrl-C 结束）",
    "the same in Chinese (用中文显示)": "用英文显示（the same in English）",
    "A city of {n} sites on Kafka, on this machine": "Kafka 上的城市：本机运行 {n} 个站点",
    "started: broker, gateway, {n} workers, second stage, sink, connector": (
        "已启动：broker、网关、{n} 个 worker、第二级、sink、连接器"
    ),
    "{n:,} signals of {sites} sites became visits and alerts in {s:.0f} seconds: {rate:,} a second.": (
        "{sites} 个站点的 {n:,} 条信号在 {s:.0f} 秒内还原为到访与告警：每秒 {rate:,} 条。"
    ),
    "The fullest sites at {at:%H:%M} UTC": "{at:%H:%M}（UTC）人数最多的站点",
    "Alerts by rule": "各规则的告警数",
    "{n} cards were cloned from one site to another in this city: see impossible_travel.": (
        "这座城市里有 {n} 张卡被复制到另一站点使用：见“不可能的行程”。"
    ),
    "came in outside their working hours": "在其工作时间之外进入",
    "into one zone again and again, quickly": "短时间内反复进入同一区域",
    "more people in a zone than allowed": "区域内人数超过上限",
    "inside, but never came in: a tailgate?": "人在内却无进门记录：尾随或门被撑住",
    "one card or door refused repeatedly": "同一张卡或同一扇门反复被拒",
    "a card at two sites, faster than anyone travels": "同一张卡先后用于两个站点，快于任何交通：卡疑被复制",
    "inside two sites at the same time": "同一时间在两个站点之内",
    "came in twice without leaving": "未离开又进入：卡片可能被转借",
    "a door opened without leave": "未经许可，门被打开",
    "a door stands open too long": "门开得太久",
}

_WORDS_OF_DOORS: Final = {
    "opened": "打开",
    "closed": "关闭",
    "forced": "强行打开",
    "held": "长时间未关",
}

NAMES: Final[dict[str, dict[str, str]]] = {
    "rule": {
        "after_hours": "非工作时间进入",
        "rapid_reentry": "短时多次进入",
        "density": "人员密度超限",
        "missed_registration": "漏登",
        "denied_streak": "连续拒绝",
        "anti_passback": "反潜回",
        "door_forced": "强行开门",
        "door_held": "门未关",
        "impossible_travel": "不可能的行程",
        "two_sites": "同时在两处",
    },
    "basis": {
        "none": "-",
        "detected": "检测",
        "assumed": "推定",
        "inferred": "推断",
        "manual": "人工",
        "timeout": "超时",
    },
    "severity": {"none": "-", "info": "提示", "warning": "警告", "critical": "严重"},
    "status": {"open": "未解除", "cleared": "已解除"},
    "case": {"open": "待处理", "acknowledged": "已确认", "closed": "已关闭"},
    "decision": {
        "acknowledged": "确认",
        "assigned": "指派",
        "noted": "备注",
        "closed": "关闭",
        "reopened": "重新打开",
    },
    "resolution": {
        "confirmed": "属实",
        "false_alarm": "误报",
        "explained": "已查明",
        "duplicate": "重复",
    },
    "entry": {"open": "待处理", "retried": "已重读"},
    "verdict": {"ok": "正常", "warn": "注意", "fail": "错误"},
    "check": {
        "clock": "时钟",
        "compiled rules": "已编译规则",
        "disk": "磁盘",
        "home": "目录",
        "key": "密钥",
        "owner": "占用者",
        "packages": "软件包",
        "sockets": "套接字",
    },
    "part": {
        "signals": "信号",
        "events": "事件",
        "holdings": "持卡",
        "moves": "移动",
        "visits": "到访",
        "alerts": "告警",
        "passages": "通行",
        "alert_decisions": "告警处置",
    },
    "category": {
        "credential": "凭证",
        "door": "门",
        "alarm": "报警",
        "count": "计数",
        "screening": "安检",
        "device": "设备",
        "control": "控制",
        "clock": "时钟",
    },
    "action": {
        "granted": "放行",
        "denied": "拒绝",
        **_WORDS_OF_DOORS,
        "exit_requested": "请求开门外出",
        "activated": "触发",
        "restored": "恢复",
        "counted": "计数",
        "measured": "测量",
        "online": "上线",
        "offline": "离线",
        "ticked": "走时",
        "loaded": "载入",
        "placed": "人工登记",
        "decided": "处置决定",
        "impossible_travel": "不可能的行程",
        "two_sites": "同时在两处",
    },
    "topic": {
        "site.applied": "站点生效",
        "policy.applied": "策略生效",
        "directory.applied": "名录生效",
        "control.rejected": "指令被拒",
        "signal.unresolved": "信号无法识别",
        "signal.late": "信号迟到",
        "device.gap_found": "设备信号缺号",
        "device.clock_drifted": "设备时钟偏移",
        "device.clock_recovered": "设备时钟恢复",
        "device.fell_silent": "设备失联",
        "device.recovered": "设备恢复",
        "visit.started": "到访开始",
        "zone.entered": "进入区域",
        "site.left": "离开站点",
        "visit.ended": "到访结束",
        "presence.settled": "位置确定",
        "presence.corrected": "位置更正",
        "entry.not_taken": "放行未进入",
        "registration.missed": "进门未登记",
        "passage.unregistered": "未登记通行",
        "passage.settled": "未登记通行了结",
        **{f"door.{action}": f"门{word}" for action, word in _WORDS_OF_DOORS.items()},
        "entry.after_hours": "非工作时间进入",
        "density.reached": "人数达到上限",
        "density.exceeded": "人数超过上限",
        "density.cleared": "人数回落",
        "alert.raised": "告警",
        "alert.joined": "并入告警",
        "alert.cleared": "告警解除",
        "alert.acknowledged": "告警已确认",
        "alert.assigned": "告警已指派",
        "alert.noted": "告警备注",
        "alert.closed": "告警已关闭",
        "alert.reopened": "告警重新打开",
        "signal.repeated": "信号重复",
    },
    "rejection": {
        "unreadable": "无法读取",
        "wrong_encoding": "编码错误",
        "binary": "二进制内容",
        "torn_line": "行不完整",
        "wrong_columns": "列数不符",
        "too_long": "过长",
        "bad_time": "时间错误",
        "implausible_time": "时间不合理",
        "nonexistent_time": "时间不存在",
        "unknown_point": "未知点位",
        "unknown_action": "未知动作",
        "unknown_direction": "未知方向",
        "bad_number": "数字错误",
        "negative_count": "计数为负",
        "unknown_schema": "未知格式版本",
        "other": "其他",
        "foreign_key": "键与站点不符",
    },
}
