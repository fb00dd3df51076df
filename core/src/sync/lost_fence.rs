//! A defect for Miri to find: a thread whose fences of one ordering are missing.

use std::cell::Cell;
use std::sync::atomic::Ordering;

std::thread_local! {
    static LOST: Cell<Option<Ordering>> = const { Cell::new(None) };
}

pub(crate) fn plant(order: Option<Ordering>) {
    LOST.set(order);
}

pub(super) fn of_this_thread() -> Option<Ordering> {
    LOST.get()
}
