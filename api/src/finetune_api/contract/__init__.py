"""The line between operator and trainer: what each may rely on, and nothing else.

A trainer image and an operator of different releases meet here, so a field is added, never renamed;
`CONTRACT_VERSION` grows when a reader must know the difference.
"""

CONTRACT_VERSION = 1
