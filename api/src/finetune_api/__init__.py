"""What the operator, the trainer and the command line agree on.

`v1alpha1` is the FineTuneJob as users write it, `contract` is what operator and trainer say to
each other, `crd` turns the models into a CustomResourceDefinition. pydantic and the standard
library only: everything else imports this package, so it imports nothing.
"""
