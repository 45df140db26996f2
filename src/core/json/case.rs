//! The form of an enum whose cases hold something.

use super::{FromJson, Json, Misfit, ToJson};

/// A case: without fields its code alone, with one `{ code: field }`, with several
/// `{ code: [field, …] }`.
pub struct Case<'c> {
    code: &'c str,
    value: &'c Json<'c>,
}

/// The fields of a case that have not been read.
pub struct Fields<'c> {
    code: &'c str,
    left: std::slice::Iter<'c, Json<'c>>,
}

impl<'c> Case<'c> {
    /// The form of a case with these fields.
    pub fn write(code: &'static str, fields: &[&'c dyn ToJson]) -> Json<'c> {
        match fields {
            [] => Json::Text(code.into()),
            &[field] => Json::Object(vec![(code.into(), field.to_json())]),
            fields => {
                let fields = fields.iter().map(|&field| field.to_json()).collect();
                Json::Object(vec![(code.into(), Json::List(fields))])
            }
        }
    }

    /// Reads which case it is.
    pub fn read(json: &'c Json<'c>) -> Result<Case<'c>, Misfit> {
        if let Json::Text(code) = json {
            let value = &Json::Null;
            return Ok(Case { code, value });
        }
        if let Json::Object(members) = json
            && let [(code, value)] = members.as_slice()
        {
            return Ok(Case { code, value });
        }
        Err(Misfit::default())
    }

    /// The code.
    pub fn code(&self) -> &'c str {
        self.code
    }

    /// Reads that it has no fields.
    pub fn bare(&self) -> Result<(), Misfit> {
        match matches!(self.value, Json::Null) {
            true => Ok(()),
            false => Err(self.misfit()),
        }
    }

    /// Reads its field, and makes the case of it.
    pub fn one<T: FromJson, E>(&self, make: fn(T) -> E) -> Result<E, Misfit> {
        let field = T::from_json(self.value);
        field
            .map(make)
            .map_err(|misfit| misfit.of_member(self.code))
    }

    /// Its several fields, to be read one by one.
    pub fn several(&self) -> Result<Fields<'c>, Misfit> {
        let Json::List(fields) = self.value else {
            return Err(self.misfit());
        };
        Ok(Fields {
            code: self.code,
            left: fields.iter(),
        })
    }

    fn misfit(&self) -> Misfit {
        Misfit::default().of_member(self.code)
    }
}

impl Fields<'_> {
    /// Reads the next one.
    pub fn take<T: FromJson>(&mut self) -> Result<T, Misfit> {
        T::from_json(self.left.next().unwrap_or(&Json::Null))
            .map_err(|misfit| misfit.of_member(self.code))
    }
}
