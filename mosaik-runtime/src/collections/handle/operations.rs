//! The methods of a container, once for a handle and once for a transaction.

/// For each operation a method of `Write`, which does it, and one of `Steps`, which lists it. `fails` names the error of an operation
/// that may have one.
macro_rules! operations {
    ([$($generics:tt)*] $container:ty; $($methods:tt)*) => {
        impl<$($generics)*> $crate::collections::Write<$container> {
            operations!(@write $($methods)*);
        }

        impl<$($generics)*> $crate::collections::Steps<'_, $container> {
            operations!(@step $($methods)*);
        }
    };

    (@write) => {};
    (@write
        $(#[doc = $doc:literal])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $answer:ty $([where $($bound:tt)+])? = $operation:expr;
        $($rest:tt)*
    ) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        ///
        /// When the change was not committed, or nobody can say whether it was.
        pub fn $name(
            &self,
            $($arg: $ty),*
        ) -> impl Future<Output = Result<$crate::collections::Applied<$answer>, $crate::groups::CommandError>> + Send
        $(where $($bound)+)?
        {
            let request = self.request(&$operation);
            async move { self.run(request, $crate::primitives::codec::decode_deep::<$answer>).await }
        }

        operations!(@write $($rest)*);
    };
    (@write
        $(#[doc = $doc:literal])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $answer:ty, fails $error:ty $([where $($bound:tt)+])? = $operation:expr;
        $($rest:tt)*
    ) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        ///
        /// When it did not take place, was not committed, or nobody can say whether it was.
        pub fn $name(
            &self,
            $($arg: $ty),*
        ) -> impl Future<Output = Result<$crate::collections::Applied<$answer>, $crate::groups::CommandError<$error>>> + Send
        $(where $($bound)+)?
        {
            let request = self.request(&$operation);
            async move {
                let decode = $crate::primitives::codec::decode_deep::<Result<$answer, $error>>;
                match self.run(request, decode).await {
                    Ok($crate::collections::Applied { version, result: Ok(result) }) => {
                        Ok($crate::collections::Applied { version, result })
                    }
                    Ok($crate::collections::Applied { result: Err(error), .. }) => {
                        Err($crate::groups::CommandError::Failed(error))
                    }
                    Err(error) => Err(error.widen()),
                }
            }
        }

        operations!(@write $($rest)*);
    };

    (@step) => {};
    (@step
        $(#[doc = $doc:literal])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $answer:ty $([where $($bound:tt)+])? = $operation:expr;
        $($rest:tt)*
    ) => {
        $(#[doc = $doc])*
        pub fn $name(&mut self, $($arg: $ty),*) -> $crate::collections::Pending<$answer>
        $(where $($bound)+)?
        {
            let read = $crate::primitives::codec::decode_deep::<$answer>;
            self.list(stringify!($name), &$operation, read, read)
        }

        operations!(@step $($rest)*);
    };
    (@step
        $(#[doc = $doc:literal])*
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $answer:ty, fails $error:ty $([where $($bound:tt)+])? = $operation:expr;
        $($rest:tt)*
    ) => {
        $(#[doc = $doc])*
        pub fn $name(&mut self, $($arg: $ty),*) -> $crate::collections::Pending<$answer, $error>
        $(where $($bound)+)?
        {
            let read = $crate::collections::transaction::read_ok::<$answer, $error>;
            let read_error = $crate::collections::transaction::read_error::<$answer, $error>;
            self.list(stringify!($name), &$operation, read, read_error)
        }

        operations!(@step $($rest)*);
    };
}

pub(super) use operations;

use std::{ops::Bound, time::Duration};

/// The ends of a range, as they travel.
pub(super) fn ends<K: Clone>(range: &impl std::ops::RangeBounds<K>) -> (Bound<K>, Bound<K>) {
    (range.start_bound().cloned(), range.end_bound().cloned())
}

/// A time to live, as it travels.
pub(super) fn millis(lives: Duration) -> u64 {
    u64::try_from(lives.as_millis()).unwrap_or(u64::MAX)
}
