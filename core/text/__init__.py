"""Text front ends: what is written becomes words as spoken, and words become phones or jamo.

english.words("Dr. O'Neil paid $5.")  -> words with ARPABET phones and the characters each came from
korean.pronounce("같이 읽다")            -> Hangul as spoken
tokens.tokens(text, language)          -> integers for a network, with the characters each came from
"""
