"""From a source to rows that were checked, split and fingerprinted; nothing here needs torch."""
