"""What all questions of the benchmark suite share: their form, their results, and the page that shows them."""
