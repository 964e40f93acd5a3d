"""What people read is said in the home's language; what programs read never changes."""
