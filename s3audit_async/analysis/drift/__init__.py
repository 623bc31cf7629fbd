"""What changed between two reports: compared, gathered, and told as text, JSON or Markdown."""
