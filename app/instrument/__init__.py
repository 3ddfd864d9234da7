"""What every instrument is made of; runs everywhere."""
