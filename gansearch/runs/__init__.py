"""One configuration outside of a study: retrained, sampled, evaluated, profiled."""
