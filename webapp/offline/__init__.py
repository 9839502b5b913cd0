"""What phones need to work without a network: manifest, worker file, pack, intake of submissions, receipts."""
