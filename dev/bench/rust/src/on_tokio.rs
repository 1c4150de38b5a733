//! tokio's channels, with tasks on a runtime of many threads.

use super::{same, share, value, Order, Outcome, Workload, FAN_OUT_CAPACITY};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub struct Peer(Runtime);

impl Peer {
    pub fn new(threads: usize) -> Self {
        Self(Builder::new_multi_thread().worker_threads(threads).build().expect("a runtime"))
    }

    /// Runs all tasks on the runtime's threads: a future that is only blocked on would run on a thread beside them.
    pub fn run(&self, work: Workload, n: usize) -> Outcome {
        let task = match work {
            Workload::Stream { capacity, senders } => self.0.spawn(stream(capacity, senders, n)),
            Workload::Try => self.0.spawn(uncontended(n)),
            Workload::PingPong => self.0.spawn(ping_pong(n)),
            Workload::Lossy { receivers } => self.0.spawn(lossy(receivers, n)),
            Workload::WatchGet => self.0.spawn(watch_get(n)),
            Workload::Oneshot => self.0.spawn(oneshots(n)),
            Workload::Workers { .. } => return Err("tokio has no such channel".into()),
        };
        self.0.block_on(task).map_err(|e| e.to_string())?
    }
}

async fn stream(capacity: usize, senders: usize, n: usize) -> Outcome {
    let (tx, mut rx) = mpsc::channel(capacity);
    for s in 0..senders {
        let tx = tx.clone();
        tokio::spawn(async move {
            for i in 0..share(n, s, senders) {
                if tx.send(value(s, i)).await.is_err() {
                    break;
                }
            }
        });
    }
    drop(tx);
    let mut o = Order::new(senders);
    while let Some(v) = rx.recv().await {
        o.see(v);
    }
    o.check(n)
}

async fn uncontended(n: usize) -> Outcome {
    let (tx, mut rx) = mpsc::channel(32);
    for i in 0..n {
        tx.try_send(i).map_err(|e| e.to_string())?;
        same(rx.try_recv(), Ok(i))?;
    }
    Ok(())
}

async fn ping_pong(n: usize) -> Outcome {
    let (there, mut echo) = mpsc::channel(1);
    let (echoed, mut back) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(v) = echo.recv().await {
            if echoed.send(v).await.is_err() {
                break;
            }
        }
    });
    for i in 0..n {
        there.send(i).await.map_err(|e| e.to_string())?;
        same(back.recv().await, Some(i))?;
    }
    Ok(())
}

/// Receivers that are too slow miss values, and are told how many: what each receives must be the value after those.
async fn lossy(receivers: usize, n: usize) -> Outcome {
    let (tx, _) = broadcast::channel(FAN_OUT_CAPACITY);
    let mut tasks = Vec::new();
    for _ in 0..receivers {
        let mut rx = tx.subscribe();
        tasks.push(tokio::spawn(async move {
            let mut next = 0;
            loop {
                match rx.recv().await {
                    Ok(v) => {
                        same(v, next)?;
                        next += 1;
                    }
                    Err(RecvError::Lagged(missed)) => next += missed,
                    Err(RecvError::Closed) => return same(next, n as u64),
                }
            }
        }));
    }
    for i in 0..n as u64 {
        tx.send(i).map_err(|e| e.to_string())?;
    }
    drop(tx);
    for t in tasks {
        t.await.map_err(|e| e.to_string())??;
    }
    Ok(())
}

async fn watch_get(n: usize) -> Outcome {
    let (_tx, rx) = watch::channel(1);
    let mut sum = 0;
    for _ in 0..n {
        sum += *rx.borrow();
    }
    same(sum, n)
}

async fn oneshots(n: usize) -> Outcome {
    for i in 0..n {
        let (tx, rx) = oneshot::channel();
        same(tx.send(i), Ok(()))?;
        same(rx.await, Ok(i))?;
    }
    Ok(())
}
