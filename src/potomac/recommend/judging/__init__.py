"""Should it be built at all?"""
