#[allow(dead_code)]
pub struct Exchange {
    bids: Bids,
    asks: Bids,
}
/// The writers of the collections of [`Exchange`].
#[allow(dead_code)]
pub struct ExchangeWriters {
    /// That of [`Bids`].
    bids: ::mosaik::__private::Writer<Bids>,
    /// That of [`Bids`].
    asks: ::mosaik::__private::Writer<Bids>,
}
/// The readers of the collections of [`Exchange`].
#[allow(dead_code)]
pub struct ExchangeReaders {
    /// That of [`Bids`].
    bids: ::mosaik::__private::Reader<Bids>,
    /// That of [`Bids`].
    asks: ::mosaik::__private::Reader<Bids>,
}
#[automatically_derived]
impl ::mosaik::__private::Bundle for Exchange {
    fn parts() -> ::std::vec::Vec<::mosaik::__private::Part> {
        ::std::vec![
            ::mosaik::__private::part:: < Self, Bids > (), ::mosaik::__private::part:: <
            Self, Bids > ()
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
impl ::mosaik::__private::Together for Exchange {
    type Writers = ExchangeWriters;
    type Readers = ExchangeReaders;
    const DESCRIPTOR: ::mosaik::__private::BundleDescriptor = ::mosaik::__private::BundleDescriptor {
        group: &::mosaik::__private::GroupDescriptor {
            intent: ::mosaik::__private::Intent::new("", [0; 32]),
            type_name: "",
            schema: ::mosaik::__private::bundle_shape::<Self>,
            voters: ::mosaik::__private::VoterSet::Founder,
            options: ::mosaik::__private::GroupOptions::new(),
            members: ::mosaik::__private::Rule::Anyone,
            docs: "",
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
            asks: _opened.writer::<Self, Bids>(),
        }
    }
    fn readers(_opened: &::mosaik::__private::OpenedReaders) -> ExchangeReaders {
        ExchangeReaders {
            bids: _opened.reader::<Self, Bids>(),
            asks: _opened.reader::<Self, Bids>(),
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
            ::mosaik::__private::writes::<Self, Bids>(),
        ],
    );
    const READS: ::mosaik::__private::Role = ::mosaik::__private::Role::All(
        &[
            ::mosaik::__private::reads::<Self, Bids>(),
            ::mosaik::__private::reads::<Self, Bids>(),
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
::core::compile_error! {
    "`Exchange` lists `Bids` twice\nhelp: declare another collection for the second one"
}
