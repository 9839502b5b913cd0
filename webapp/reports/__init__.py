"""Reports: what managers and analysts see of many cases at once. It reads; only the worker's counting writes."""
