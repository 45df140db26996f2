//! How records say their JSON forms.

use std::borrow::Cow;
use std::fmt;

use super::Json;
use crate::core::ordered::Map;

/// What has a JSON form.
pub trait ToJson {
    /// Its form, which borrows its texts.
    fn to_json(&self) -> Json<'_>;

    /// Whether a stored object can leave it out: it is what [`FromJson::from_nothing`] gives.
    fn is_nothing(&self) -> bool {
        false
    }
}

/// What can be read from its JSON form.
pub trait FromJson: Sized {
    /// Reads it. A member that is missing is read as `null`, one that is unknown is ignored.
    fn from_json(json: &Json<'_>) -> Result<Self, Misfit>;

    /// What it is where a stored object has left it out.
    fn from_nothing() -> Result<Self, Misfit> {
        Err(Misfit::default())
    }
}

/// A value is not what it should be: which one, as the path to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    path: String,
}

impl Misfit {
    /// The same, seen from the object of which this is the member.
    pub(super) fn of_member(self, name: &str) -> Misfit {
        let mut path = name.to_owned();
        if !self.path.is_empty() {
            path.push('.');
            path.push_str(&self.path);
        }
        Misfit { path }
    }
}

/// The path, e.g. `queue.maxEntries`.
impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.path.is_empty() {
            true => "the whole",
            false => &self.path,
        })
    }
}

/// Says the members of a struct, in the order in which they are written: each has the name of its
/// field, or the one behind `=`. Between `to`, `from` or `to and from` and the struct is said for
/// which directions. What is `stored` leaves out members that say nothing: most do in most records,
/// and what a record costs in storage goes by its length.
macro_rules! json_members {
    (stored $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::core::json::ToJson for $name {
            fn to_json(&self) -> $crate::core::json::Json<'_> {
                let $name { $($field),* } = self;
                $crate::core::json::Json::stored_object(&[$((stringify!($field), $field)),*])
            }
        }

        impl $crate::core::json::FromJson for $name {
            fn from_json(
                json: &$crate::core::json::Json<'_>,
            ) -> Result<$name, $crate::core::json::Misfit> {
                Ok($name {
                    $($field: json.stored_member(stringify!($field))?),*
                })
            }
        }
    };
    (to and from $name:ident $members:tt) => {
        json_members! { to $name $members }
        json_members! { from $name $members }
    };
    (to $name:ident $(<$lifetime:lifetime>)? { $($field:ident $(= $renamed:literal)?),* $(,)? }) => {
        impl $(<$lifetime>)? $crate::core::json::ToJson for $name $(<$lifetime>)? {
            fn to_json(&self) -> $crate::core::json::Json<'_> {
                let $name { $($field),* } = self;
                $crate::core::json::Json::object(&[
                    $((json_members!(@ $field $($renamed)?), $field)),*
                ])
            }
        }
    };
    (from $name:ident { $($field:ident $(= $renamed:literal)?),* $(,)? }) => {
        impl $crate::core::json::FromJson for $name {
            fn from_json(
                json: &$crate::core::json::Json<'_>,
            ) -> Result<$name, $crate::core::json::Misfit> {
                Ok($name {
                    $($field: json.member(json_members!(@ $field $($renamed)?))?),*
                })
            }
        }
    };
    (@ $field:ident) => { stringify!($field) };
    (@ $field:ident $renamed:literal) => { $renamed };
}

/// Says the codes of an enum's cases, in both directions; see [`Case`](super::Case) for their forms.
macro_rules! json_cases {
    ($name:ident { $(
        $case:ident $(($($field:ident),+))? $({ $($member:ident),+ })? = $code:literal
    ),* $(,)? }) => {
        impl $crate::core::json::ToJson for $name {
            fn to_json(&self) -> $crate::core::json::Json<'_> {
                match self {
                    $($name::$case $(($($field),+))? $({ $($member),+ })? => {
                        $crate::core::json::Case::write(
                            $code,
                            &[$($($field),+)? $($($member),+)?],
                        )
                    })*
                }
            }
        }

        impl $crate::core::json::FromJson for $name {
            fn from_json(
                json: &$crate::core::json::Json<'_>,
            ) -> Result<$name, $crate::core::json::Misfit> {
                let case = $crate::core::json::Case::read(json)?;
                match case.code() {
                    $($code => json_cases!(
                        @ case $name $case $(($($field),+))? $({ $($member),+ })?
                    ),)*
                    _ => Err($crate::core::json::Misfit::default()),
                }
            }
        }
    };
    (@ $read:ident $name:ident $case:ident) => { $read.bare().map(|()| $name::$case) };
    (@ $read:ident $name:ident $case:ident ($field:ident)) => { $read.one($name::$case) };
    (@ $read:ident $name:ident $case:ident ($($field:ident),+)) => {{
        let mut fields = $read.several()?;
        Ok($name::$case($({ let $field = fields.take()?; $field }),+))
    }};
    (@ $read:ident $name:ident $case:ident { $($member:ident),+ }) => {{
        let mut fields = $read.several()?;
        Ok($name::$case { $($member: fields.take()?),+ })
    }};
}

/// Declares enums whose cases are nothing but codes, as JavaScript and the journal know them.
macro_rules! codes {
    ($($(#[$meaning:meta])* $name:ident {
        $($(#[$case:meta])* $variant:ident = $code:literal,)*
    })*) => {$(
        $(#[$meaning])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$case])* $variant,)*
        }

        impl $name {
            const ALL: &[$name] = &[$($name::$variant,)*];

            /// The code.
            pub fn code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)*
                }
            }
        }

        impl $crate::core::json::ToJson for $name {
            fn to_json(&self) -> $crate::core::json::Json<'_> {
                $crate::core::json::Json::Text(self.code().into())
            }
        }

        impl $crate::core::json::FromJson for $name {
            fn from_json(
                json: &$crate::core::json::Json<'_>,
            ) -> Result<$name, $crate::core::json::Misfit> {
                let code = json.as_text().unwrap_or_default();
                let known = $name::ALL.iter().find(|known| known.code() == code);
                known.copied().ok_or_else(Default::default)
            }
        }
    )*};
}

impl ToJson for bool {
    fn to_json(&self) -> Json<'_> {
        Json::Bool(*self)
    }

    fn is_nothing(&self) -> bool {
        !self
    }
}

impl FromJson for bool {
    fn from_json(json: &Json<'_>) -> Result<bool, Misfit> {
        let Json::Bool(value) = json else {
            return Err(Misfit::default());
        };
        Ok(*value)
    }

    fn from_nothing() -> Result<bool, Misfit> {
        Ok(false)
    }
}

/// Whole numbers; `usize` and the like fit into 64 bits on every target.
macro_rules! whole_numbers {
    ($($number:ident)*) => {$(
        impl ToJson for $number {
            fn to_json(&self) -> Json<'_> {
                Json::Whole(*self as u64)
            }

            fn is_nothing(&self) -> bool {
                *self == 0
            }
        }

        impl FromJson for $number {
            fn from_json(json: &Json<'_>) -> Result<$number, Misfit> {
                let Json::Whole(number) = json else {
                    return Err(Misfit::default());
                };
                $number::try_from(*number).map_err(|_| Misfit::default())
            }

            fn from_nothing() -> Result<$number, Misfit> {
                Ok(0)
            }
        }
    )*};
}

whole_numbers! { u16 u32 u64 usize }

impl ToJson for f64 {
    fn to_json(&self) -> Json<'_> {
        Json::Float(*self)
    }
}

impl FromJson for f64 {
    fn from_json(json: &Json<'_>) -> Result<f64, Misfit> {
        if let Json::Whole(number) = json {
            return Ok(*number as f64);
        }
        let Json::Float(number) = json else {
            return Err(Misfit::default());
        };
        Ok(*number)
    }
}

impl ToJson for str {
    fn to_json(&self) -> Json<'_> {
        Json::Text(Cow::Borrowed(self))
    }
}

impl ToJson for String {
    fn to_json(&self) -> Json<'_> {
        self.as_str().to_json()
    }
}

impl FromJson for String {
    fn from_json(json: &Json<'_>) -> Result<String, Misfit> {
        json.as_text()
            .map(str::to_owned)
            .ok_or_else(Misfit::default)
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self) -> Json<'_> {
        (**self).to_json()
    }

    fn is_nothing(&self) -> bool {
        (**self).is_nothing()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Json<'_> {
        self.as_ref().map_or(Json::Null, T::to_json)
    }

    fn is_nothing(&self) -> bool {
        self.is_none()
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(json: &Json<'_>) -> Result<Option<T>, Misfit> {
        match matches!(json, Json::Null) {
            true => Ok(None),
            false => T::from_json(json).map(Some),
        }
    }

    fn from_nothing() -> Result<Option<T>, Misfit> {
        Ok(None)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Json<'_> {
        Json::List(self.iter().map(T::to_json).collect())
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &Json<'_>) -> Result<Vec<T>, Misfit> {
        let Json::List(values) = json else {
            return Err(Misfit::default());
        };
        values.iter().map(T::from_json).collect()
    }
}

impl ToJson for Map<String, String> {
    fn to_json(&self) -> Json<'_> {
        let entries = self.iter();
        Json::Object(
            entries
                .map(|(name, value)| (Cow::Borrowed(name.as_str()), value.to_json()))
                .collect(),
        )
    }
}

impl FromJson for Map<String, String> {
    fn from_json(json: &Json<'_>) -> Result<Map<String, String>, Misfit> {
        let Json::Object(entries) = json else {
            return Err(Misfit::default());
        };
        let mut map = Map::new();
        for (name, value) in entries {
            map.insert(name.as_ref().to_owned(), String::from_json(value)?);
        }
        Ok(map)
    }
}
