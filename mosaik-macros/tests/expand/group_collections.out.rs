#[allow(dead_code)]
/// Orders that wait.
pub struct Exchange {
    /// Who buys.
    pub bids: Bids,
    pub asks: Asks,
}
/// The writers of the collections of [`Exchange`].
#[allow(dead_code)]
pub struct ExchangeWriters {
    /// That of [`Bids`].
    pub bids: ::mosaik::__private::Writer<Bids>,
    /// That of [`Asks`].
    pub asks: ::mosaik::__private::Writer<Asks>,
}
/// The readers of the collections of [`Exchange`].
#[allow(dead_code)]
pub struct ExchangeReaders {
    /// That of [`Bids`].
    pub bids: ::mosaik::__private::Reader<Bids>,
    /// That of [`Asks`].
    pub asks: ::mosaik::__private::Reader<Asks>,
}
#[automatically_derived]
impl ::mosaik::__private::Bundle for Exchange {
    fn parts() -> ::std::vec::Vec<::mosaik::__private::Part> {
        ::std::vec![
            ::mosaik::__private::part:: < Self, Bids > (), ::mosaik::__private::part:: <
            Self, Asks > ()
        ]
    }
}
#[automatically_derived]
impl ::mosaik::__private::Holds<Bids> for Exchange {
    type Opened = Self;
    type Held = Bids;
    const PART: &'static str = "bids";
    const BUNDLE: ::mosaik::__private::BundleDescriptor = <Self as ::mosaik::__private::Together>::DESCRIPTOR;
}
#[automatically_derived]
impl ::mosaik::__private::Holds<Asks> for Exchange {
    type Opened = Self;
    type Held = Asks;
    const PART: &'static str = "asks";
    const BUNDLE: ::mosaik::__private::BundleDescriptor = <Self as ::mosaik::__private::Together>::DESCRIPTOR;
}
#[automatically_derived]
impl ::mosaik::__private::Together for Exchange {
    type Writers = ExchangeWriters;
    type Readers = ExchangeReaders;
    const DESCRIPTOR: ::mosaik::__private::BundleDescriptor = ::mosaik::__private::BundleDescriptor {
        group: &::mosaik::__private::GroupDescriptor {
            intent: ::mosaik::__private::Intent::new(
                "exchange",
                *b"s\xB4n\x9E0\r\xBA\xEA\x13\xD9\x9CPDHx \x95J\xE6\xDE\xB2\x88XQ\x85\xE1D\x1Bt\xAD\xE8p",
            ),
            type_name: "Exchange",
            schema: ::mosaik::__private::bundle_shape::<Self>,
            voters: ::mosaik::__private::VoterSet::Count(3),
            options: ::mosaik::__private::GroupOptions::new()
                .storage(::mosaik::__private::Storage::Durable),
            members: ::mosaik::__private::Rule::Anyone,
            docs: "Orders that wait.",
            source: ::mosaik::__private::Source {
                file: ::core::file!(),
                line: ::core::line!(),
            },
        },
        readers: ::mosaik::__private::Rule::Anyone,
    };
    fn writers(_opened: &::mosaik::__private::OpenedWriters) -> ExchangeWriters {
        ExchangeWriters {
            bids: _opened.writer::<Self, Bids>(),
            asks: _opened.writer::<Self, Asks>(),
        }
    }
    fn readers(_opened: &::mosaik::__private::OpenedReaders) -> ExchangeReaders {
        ExchangeReaders {
            bids: _opened.reader::<Self, Bids>(),
            asks: _opened.reader::<Self, Asks>(),
        }
    }
}
#[automatically_derived]
impl ::mosaik::__private::Handles for Exchange {
    type Write = ::mosaik::__private::Writers<Self>;
    type Read = ::mosaik::__private::Readers<Self>;
}
#[automatically_derived]
impl ::mosaik::__private::Opens for Exchange {
    const WRITES: ::mosaik::__private::Role = ::mosaik::__private::Role::All(
        &[
            ::mosaik::__private::writes::<Self, Bids>(),
            ::mosaik::__private::writes::<Self, Asks>(),
        ],
    );
    const READS: ::mosaik::__private::Role = ::mosaik::__private::Role::All(
        &[
            ::mosaik::__private::reads::<Self, Bids>(),
            ::mosaik::__private::reads::<Self, Asks>(),
        ],
    );
    fn writer(
        on: &::mosaik::__private::Collections,
    ) -> ::mosaik::__private::Opening<'_, ::mosaik::__private::Writer<Self>> {
        ::mosaik::__private::open_writers(on)
    }
    fn reader(
        on: &::mosaik::__private::Collections,
    ) -> ::mosaik::__private::Opening<'_, ::mosaik::__private::Reader<Self>> {
        ::mosaik::__private::open_readers(on)
    }
}
