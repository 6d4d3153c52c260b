"""Motion that nobody filmed: a GPT-2 over motion codes. In: a content token and codes. Out: the codes that may
follow.
"""
