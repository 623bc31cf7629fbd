"""What one bucket costs part by part, without any network: each part alone, timed by pyperf."""
