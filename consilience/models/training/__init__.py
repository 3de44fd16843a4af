"""What trains the entailment models: labelled sets, pairs made of abstracts by rule, and the fine-tuning itself."""
