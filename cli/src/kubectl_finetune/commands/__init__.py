"""The commands, one file each; `app` lists them."""
