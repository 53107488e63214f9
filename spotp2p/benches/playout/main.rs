//! prototype
#![allow(missing_docs, dead_code)]
mod plays;
mod traces;
use plays::Play;
use traces::Kind;

fn all(n: u64, base: u64, kinds: &'static [Kind], doubt: f32) -> Vec<Play> {
    let half = |from: u64| (from..n).step_by(2).map(move |i| Play::new(base + i, kinds, doubt, 0.002)).collect::<Vec<_>>();
    std::thread::scope(|s| {
        let a = s.spawn(|| half(0));
        let mut v = half(1);
        v.extend(a.join().unwrap());
        v
    })
}

fn main() {
    let n: u64 = std::env::var("N").ok().and_then(|s| s.parse().ok()).unwrap_or(2000);
    let doubt: f32 = std::env::var("DOUBT").ok().and_then(|s| s.parse().ok()).unwrap_or(1.0);
    for (name, kinds) in [
        ("chain", &[Kind::Chain][..]),
        ("wifi", &[Kind::Wifi]),
        ("cell", &[Kind::Cellular]),
        ("dsl", &[Kind::Dsl]),
        ("fades", &[Kind::ShortFades]),
    ] {
        if !std::env::var("KIND").map_or(true, |k| k.contains(name)) { continue }
        let t = std::time::Instant::now();
        let plays = all(n, 1 << 20, kinds, doubt);
        for budget in [0.005f32, 0.01, 0.05] {
            let waited: Vec<_> = plays.iter().map(|p| (p, p.start(budget))).filter(|(p, s)| s.0 > p.first + 0.05).collect();
            let st = waited.iter().filter(|(p, s)| p.stutters(s.0)).count();
            let pred: f32 = waited.iter().map(|(_, s)| s.1).sum::<f32>() / waited.len() as f32;
            let now_st = plays.iter().filter(|p| { let s = p.start(budget); s.0 <= p.first + 0.05 && p.stutters(s.0) }).count();
            let exc: f64 = plays.iter().map(|p| (p.start(budget).0 - p.floor).max(0.0)).sum::<f64>() / plays.len() as f64;
            println!("{name:6} {budget:.3} waited {:5} pred {pred:.4} actual {:.4} ratio {:.2}  at once {:5} stutters {:.4}  excess {exc:.2}",
                waited.len(), st as f64 / waited.len() as f64, st as f64 / waited.len() as f64 / budget as f64, plays.len() - waited.len(), now_st as f64 / (plays.len() - waited.len()) as f64);
        }
        println!("  {:?}", t.elapsed());
    }
}
