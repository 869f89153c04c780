"""The technician's kiosk: a Textual program that talks to the facade of the box and to nothing else.

`app` holds the program, `screens/` one screen a file, `bays` what is known of each medium, `messages`
what workers say to the screens, `texts` every sentence a person reads.
"""
