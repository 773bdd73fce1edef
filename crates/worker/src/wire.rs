//! Flags and curves as they are sent: whole, where files and databases have less of them. For serde's `with`.

/// Flags with what they advise, which files do not have.
pub mod flags {
    use burn_tune_search::Flag;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    struct Sent {
        id: String,
        advice: String,
        numbers: Vec<i64>,
    }

    /// Writes flags.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<S: Serializer>(flags: &[Flag], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(flags.iter().map(|flag| Sent {
            id: flag.id().to_owned(),
            advice: flag.advice().to_owned(),
            numbers: flag.numbers().to_vec(),
        }))
    }

    /// Reads flags, which are still to be [looked up](Flag::look_up).
    ///
    /// # Errors
    ///
    /// Where these are none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Flag>, D::Error> {
        let flag = |Sent { id, advice, numbers }: Sent| {
            Flag::new(&id, &advice).map(|flag| flag.about(numbers)).map_err(de::Error::custom)
        };
        Vec::<Sent>::deserialize(deserializer)?.into_iter().map(flag).collect()
    }
}

/// Curves: the steps of the probes, and each series with its name.
pub mod curves {
    use burn_tune_search::Curves;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Sent<Name, Values> {
        probe_steps: Vec<u32>,
        series: Vec<(Name, Values)>,
    }

    /// Writes curves.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<S: Serializer>(
        curves: &Option<Curves>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let sent = curves.as_ref().map(|curves| Sent {
            probe_steps: curves.probe_steps().to_vec(),
            series: curves.series().collect(),
        });
        sent.serialize(serializer)
    }

    /// Reads curves.
    ///
    /// # Errors
    ///
    /// Where these are none.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Curves>, D::Error> {
        let sent = Option::<Sent<String, Vec<f32>>>::deserialize(deserializer)?;
        Ok(sent.map(|Sent { probe_steps, series }| {
            let mut curves = Curves::default();
            curves.set_probe_steps(probe_steps);
            series.into_iter().for_each(|(name, values)| curves.add(&name, values));
            curves
        }))
    }
}
