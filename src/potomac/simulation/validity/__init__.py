"""Whether a model, or an estimator, says what is so."""
