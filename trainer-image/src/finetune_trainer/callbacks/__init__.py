"""What happens besides the steps: one class, one duty each. A new one is one file and one line.

`training.attempts` lists them. They read the state of the Trainer and change nothing of it but
`control`; what they know between attempts they give to the checkpoint by `remember` and `recall`.
"""
