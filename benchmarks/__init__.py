"""Speed of the study's training and label scoring, side by side with what people use instead."""
