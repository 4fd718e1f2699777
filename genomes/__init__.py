"""What is inherited, and how it grows into a network. Imports torch and numpy; knows nobody."""
