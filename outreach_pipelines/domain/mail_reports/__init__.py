"""What receivers report of mail in our domains' names: bytes in, reports or the reason why there is none out."""
