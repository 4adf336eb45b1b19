"""What a list is worth to people whose next choices were held out."""
