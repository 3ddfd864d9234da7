"""What a code cell needs to run and to explain its errors; runs everywhere."""
