"""What is done with a report that is there: reading it back, summing it up."""
