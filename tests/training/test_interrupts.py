"""Which signals are noted, and that handlers are left as they were."""

import signal
import threading

import pytest

from skfmvae.training.interrupts import noted_interrupts


@pytest.fixture
def handle():
    """Return a function that sets handlers, which are given back after the test."""
    before = {}

    def set_handler(number, handler):
        before.setdefault(number, signal.getsignal(number))
        signal.signal(number, handler)

    yield set_handler
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_interrupt_are_noted_and_handled(handle, number):
    handle(number, signal.default_int_handler)
    with noted_interrupts() as signals:
        assert signals == []
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert signals == [number]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signals == [number, number]
    assert signal.getsignal(number) is signal.default_int_handler


def test_signals_that_do_not_interrupt_are_handled_alone(handle):
    seen = []
    handle(signal.SIGTERM, lambda number, frame: seen.append(number))
    with noted_interrupts() as signals:
        signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM]
    assert signals == []


def test_an_interrupt_that_no_signal_brought_is_not_noted():
    with noted_interrupts() as signals, pytest.raises(KeyboardInterrupt):
        raise KeyboardInterrupt
    assert signals == []


def test_handlers_are_given_back_after_an_error(handle):
    def handler(number, frame):
        pass

    handle(signal.SIGTERM, handler)
    with pytest.raises(RuntimeError), noted_interrupts():
        raise RuntimeError
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_handler_that_is_set_inside_the_block_stays(handle):
    def theirs(number, frame):
        pass

    handle(signal.SIGTERM, signal.default_int_handler)
    with noted_interrupts():
        signal.signal(signal.SIGTERM, theirs)
    assert signal.getsignal(signal.SIGTERM) is theirs


def test_a_signal_that_is_ignored_stays_so(handle):
    handle(signal.SIGTERM, signal.SIG_IGN)
    with noted_interrupts() as signals:
        signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    assert signals == []


def test_other_threads_leave_handlers_alone():
    before, inside = signal.getsignal(signal.SIGINT), []

    def work():
        with noted_interrupts() as signals:
            inside.append((signal.getsignal(signal.SIGINT), list(signals)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [(before, [])]
