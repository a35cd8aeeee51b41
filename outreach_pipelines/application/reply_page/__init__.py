"""A tenant's replies as one HTML page: no script, nothing loaded from elsewhere, what others wrote as text.

present  what is read for it, and where it is written
page     the page
"""
