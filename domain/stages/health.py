"""Device health: gaps in a device's numbering, its clock, its silence (rules 4)."""

from typing import Any, Final

from domain.kernels import stage
from domain.output import because, emit
from domain.records import CLOCK, CONTROL, LIVE, NONE, TOPIC
from domain.timers import NEVER, pop, push
from domain.times import SECOND_US
from domain.vocabulary import Topic

GAP: Final = TOPIC[Topic.DEVICE_GAP]
DRIFTED: Final = TOPIC[Topic.DEVICE_CLOCK_DRIFTED]
CLOCK_RECOVERED: Final = TOPIC[Topic.DEVICE_CLOCK_RECOVERED]
SILENT: Final = TOPIC[Topic.DEVICE_SILENT]
RECOVERED: Final = TOPIC[Topic.DEVICE_RECOVERED]


@stage
def watch_devices(
    signals: Any, first: int, last: int, devices: Any, silences: Any, silences_size: Any, settings: Any,
    events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    """Emit at most three events a signal, and one for each silence that falls due."""
    limit_ms = settings[0].clock_offset_limit_ms
    for i in range(first, last):
        signal = signals[i]
        moment = min(signal.occurred_at, signal.received_at)
        while silences_size[0] > 0 and silences[0].due <= moment:
            due = silences[0].due
            code = silences[0].subject
            pop(silences, silences_size)
            device = devices[code]
            if device.armed != due:
                continue
            device.armed = NEVER
            if device.due > due:
                if device.due != NEVER:
                    device.armed = device.due
                    push(silences, silences_size, device.due, code, 0)
                continue
            device.due = NEVER
            device.silent = True
            event = emit(events, size, SILENT, i, due, max(due, signal.before))
            event.from_device = code
            event.value = device.allowed_us // SECOND_US
            because(event, causes, causes_size, device.last_position)
        if signal.category == CONTROL or signal.category == CLOCK:
            continue
        device = devices[signal.from_device]
        if signal.seq != NONE:
            missing = signal.seq - device.last_seq - 1
            if device.last_seq != NONE and missing > 0:
                event = emit(events, size, GAP, i, signal.occurred_at, signal.now)
                event.from_device = signal.from_device
                event.value = missing
                because(event, causes, causes_size, signal.position)
            restarted = signal.seq <= 1 and signal.seq < device.last_seq
            device.last_seq = signal.seq if restarted else max(device.last_seq, signal.seq)
        if signal.delivery == LIVE and not signal.late:
            offset_us = signal.occurred_at - signal.received_at
            offset_ms = offset_us // 1000 if offset_us >= 0 else -(-offset_us // 1000)
            if (abs(offset_ms) > limit_ms) != device.drifted:
                device.drifted = not device.drifted
                topic = DRIFTED if device.drifted else CLOCK_RECOVERED
                event = emit(events, size, topic, i, signal.occurred_at, signal.now)
                event.from_device = signal.from_device
                event.value = offset_ms
                event.limit = limit_ms
                because(event, causes, causes_size, signal.position)
        device.last_position = signal.position
        if device.silent:
            device.silent = False
            event = emit(events, size, RECOVERED, i, signal.occurred_at, signal.now)
            event.from_device = signal.from_device
            because(event, causes, causes_size, signal.position)
        if device.silent_after_us > 0:
            device.allowed_us = device.silent_after_us
            device.due = signal.now + device.allowed_us
            if device.due < device.armed:
                device.armed = device.due
                push(silences, silences_size, device.due, signal.from_device, 0)
        else:
            device.due = NEVER
