//! crossbeam-channel, with threads.

use super::{check_sum, same, share, value, Order, Outcome, Workload};
use crossbeam_channel::bounded;
use std::thread;

pub fn run(work: Workload, n: usize) -> Outcome {
    match work {
        Workload::Stream { capacity, senders } => stream(capacity, senders, n),
        Workload::Workers { capacity, each } => workers(capacity, each, n),
        Workload::Try => uncontended(n),
        Workload::PingPong => ping_pong(n),
        _ => Err("crossbeam has no such channel".into()),
    }
}

fn stream(capacity: usize, senders: usize, n: usize) -> Outcome {
    let (tx, rx) = bounded(capacity);
    thread::scope(|threads| {
        for s in 0..senders {
            let tx = tx.clone();
            threads.spawn(move || (0..share(n, s, senders)).try_for_each(|i| tx.send(value(s, i))));
        }
        drop(tx);
        let mut o = Order::new(senders);
        rx.iter().for_each(|v| o.see(v));
        o.check(n)
    })
}

fn workers(capacity: usize, each: usize, n: usize) -> Outcome {
    let (tx, rx) = bounded(capacity);
    thread::scope(|threads| {
        let mut receivers = Vec::new();
        for g in 0..each {
            let (tx, rx) = (tx.clone(), rx.clone());
            threads.spawn(move || (g..n).step_by(each).try_for_each(|i| tx.send(i as u64)));
            receivers.push(threads.spawn(move || rx.iter().fold((0, 0), |(count, sum), v| (count + 1, sum + v))));
        }
        drop((tx, rx));
        let (mut count, mut sum) = (0, 0);
        for r in receivers {
            let (c, s) = r.join().expect("a receiver that does not panic");
            count += c;
            sum += s;
        }
        check_sum(n, count, sum)
    })
}

fn uncontended(n: usize) -> Outcome {
    let (tx, rx) = bounded(32);
    for i in 0..n {
        tx.try_send(i).map_err(|e| e.to_string())?;
        same(rx.try_recv(), Ok(i))?;
    }
    Ok(())
}

fn ping_pong(n: usize) -> Outcome {
    let (there, echo) = bounded(1);
    let (echoed, back) = bounded(1);
    thread::scope(|threads| {
        threads.spawn(move || echo.iter().try_for_each(|v| echoed.send(v)));
        let there = there; // is dropped with this closure, and the other thread ends
        for i in 0..n {
            there.send(i).map_err(|e| e.to_string())?;
            same(back.recv(), Ok(i))?;
        }
        Ok(())
    })
}
