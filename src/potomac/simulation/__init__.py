"""What will happen if, and is the model right?"""
