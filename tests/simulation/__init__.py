"""The simulated campus: repeatable, physically possible, delivered in order, and within the rules' bounds."""
