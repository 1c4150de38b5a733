//! Does workloads of `go run ./bench` on tokio and on crossbeam-channel. It reads lines that name a workload, who does it, and how many
//! operations; it answers each with a line of JSON: what it took in nanoseconds, or what arrived wrong. Its argument is how many
//! threads tokio has.
//!
//!     echo mpsc/ctx=background/cap=32/senders=4 tokio 1000000 | target/release/leat-bench-rust 2
//!
//! The workloads are those of ../design.go, with the same values and checks. Tasks and threads are made within the time, as
//! goroutines are there.

mod on_crossbeam;
mod on_tokio;

use std::io::BufRead;
use std::time::Instant;

/// What went wrong with the values, or nothing.
pub type Outcome = Result<(), String>;

fn main() {
    let threads = std::env::args().nth(1).map_or(2, |a| a.parse().expect("a number of threads"));
    let tokio = on_tokio::Peer::new(threads);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        println!(
            "{}",
            match answer(&tokio, &line) {
                Ok(ns) => format!("{{\"ns\":{ns}}}"),
                Err(what) => format!("{{\"error\":{what:?}}}"),
            }
        );
    }
}

/// Does what a line says, and returns nanoseconds.
fn answer(tokio: &on_tokio::Peer, line: &str) -> Result<u128, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, who, n] = words[..] else {
        return Err(format!("not WORKLOAD WHO N: {line}"));
    };
    let work = Workload::parse(name).ok_or_else(|| format!("no workload is named {name}"))?;
    let n = n.parse().map_err(|_| format!("not a number: {n}"))?;
    let began = Instant::now();
    match who {
        "tokio" => tokio.run(work, n),
        "crossbeam" => on_crossbeam::run(work, n),
        _ => Err(format!("nobody is named {who}")),
    }?;
    Ok(began.elapsed().as_nanos())
}

/// One thing to do.
#[derive(Clone, Copy)]
pub enum Workload {
    Stream { capacity: usize, senders: usize },
    Workers { capacity: usize, each: usize },
    Try,
    PingPong,
    Lossy { receivers: usize },
    WatchGet,
    Oneshot,
}

impl Workload {
    fn parse(name: &str) -> Option<Self> {
        let number = |key: &str| name.split('/').find_map(|part| part.strip_prefix(key)?.parse().ok());
        Some(match name.split('/').next()? {
            "mpsc" => Self::Stream { capacity: number("cap=")?, senders: number("senders=")? },
            "mpmc" => Self::Workers { capacity: number("cap=")?, each: number("each=")? },
            "try" => Self::Try,
            "pingpong" => Self::PingPong,
            "broadcast-lossy" => Self::Lossy { receivers: number("receivers=")? },
            "watch" => Self::WatchGet,
            "oneshot" => Self::Oneshot,
            _ => return None,
        })
    }
}

/// The room of a broadcast.
pub const FAN_OUT_CAPACITY: usize = 1024;

/// How many of n values sender s of so many sends.
pub fn share(n: usize, s: usize, senders: usize) -> usize {
    n / senders + usize::from(s < n % senders)
}

const SEQ_BITS: u32 = 24;

/// A value of a stream says who sent it, and which of the sender's it is.
pub fn value(sender: usize, seq: usize) -> u64 {
    (sender as u64) << SEQ_BITS | seq as u64
}

/// Checks what one receiver gets: each sender's values, all of them, in the order in which they were sent.
pub struct Order {
    next: Vec<u64>,
    bad: Outcome,
}

impl Order {
    pub fn new(senders: usize) -> Self {
        Self { next: vec![0; senders], bad: Ok(()) }
    }

    pub fn see(&mut self, v: u64) {
        let (s, seq) = ((v >> SEQ_BITS) as usize, v & ((1 << SEQ_BITS) - 1));
        if seq != self.next[s] && self.bad.is_ok() {
            self.bad = Err(format!("sender {s}: received value {seq}, want {}", self.next[s]));
        }
        self.next[s] += 1;
    }

    pub fn check(self, n: usize) -> Outcome {
        self.bad?;
        for (s, &got) in self.next.iter().enumerate() {
            let want = share(n, s, self.next.len());
            if got != want as u64 {
                return Err(format!("sender {s}: received {got} values of {want}"));
            }
        }
        Ok(())
    }
}

/// Says whether what came is what was sent.
pub fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Outcome {
    if got == want {
        Ok(())
    } else {
        Err(format!("received {got:?}, want {want:?}"))
    }
}

/// Says whether these values, and their sum, can be 0 to n-1, each once.
pub fn check_sum(n: usize, count: usize, sum: u64) -> Outcome {
    let n = n as u64;
    same((count as u64, sum), (n, n * n.saturating_sub(1) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    // It fails if a value that is lost, twice, or out of order goes unseen.
    #[test]
    fn order() {
        let passes = |got: &[u64]| {
            let mut o = Order::new(2);
            got.iter().for_each(|&v| o.see(v));
            o.check(3).is_ok()
        };
        assert!(passes(&[value(1, 0), value(0, 0), value(0, 1)]));
        assert!(!passes(&[value(0, 0), value(1, 0)]));
        assert!(!passes(&[value(0, 0), value(1, 0), value(0, 0)]));
        assert!(!passes(&[value(0, 1), value(0, 0), value(1, 0)]));
        assert!(!passes(&[value(0, 0), value(0, 1), value(1, 0), value(1, 1)]));
    }
}
