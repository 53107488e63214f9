//! Which threads a runtime has. They are new in each round, on either, so that the system finds them places anew: a thread that stays
//! where others work is slow through no fault of its own. So smol is given none of its own.

use core::future::Future;
use core::marker::PhantomData;
use runtime_smol::{Smol, channel};
use runtime_tokio::Tokio;
use runtime_tokio::runtime::Runtime;
use std::thread;

/// A runtime and its threads.
pub(crate) trait Arrangement {
    type On: Runtime;

    fn run<T>(main: impl Future<Output = T>) -> T;
}

/// All on the calling thread.
pub(crate) struct Alone<R>(PhantomData<R>);

/// The calling thread waits for what is measured, and so many others run tasks.
pub(crate) struct Beside<R, const THREADS: usize>(PhantomData<R>);

impl Arrangement for Alone<Tokio> {
    type On = Tokio;

    fn run<T>(main: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(main)
    }
}

impl Arrangement for Alone<Smol> {
    type On = Smol;

    fn run<T>(main: impl Future<Output = T>) -> T {
        runtime_smol::block_on(main)
    }
}

impl<const THREADS: usize> Arrangement for Beside<Tokio, THREADS> {
    type On = Tokio;

    fn run<T>(main: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(THREADS).enable_all().build().expect("a runtime").block_on(main)
    }
}

impl<const THREADS: usize> Arrangement for Beside<Smol, THREADS> {
    type On = Smol;

    fn run<T>(main: impl Future<Output = T>) -> T {
        let (stop, stopped) = channel::bounded::<()>(1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let stopped = stopped.clone();
                scope.spawn(move || runtime_smol::block_on(stopped.recv()));
            }
            let done = smol::future::block_on(main);
            drop(stop);
            done
        })
    }
}
