"""What people read: sentences, tables and the progress line. Nothing here waits or decides."""
