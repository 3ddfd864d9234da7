"""The corpus: short sentences about one small harbour, written for this instrument, one sentence a line.

All words are in lower case; every sentence ends with a full stop, which is an ordinary token.
"""

SENTENCES = """
the old captain sleeps .
the old captain sleeps by the fire .
the old captain waits for the ship .
the old captain reads a letter .
the old captain reads a long letter by the lamp .
the old captain sings a quiet song .
the old captain watches the sea all night .
the old captain watches the storm .
the old captain comes home in the evening .
the old captain opens the red door .
the old captain hears the storm .
the old captain leaves the harbour at night .
the old captain finds a letter .
the old captain lights the lamp in the evening .
the old captain drinks his tea by the fire .
the old captain drinks tea in the morning .
the captain drinks his tea .
the captain reads the letter at night .
the captain writes a letter .
the captain writes a long letter .
the captain writes to the keeper .
the captain waits in the rain .
the captain waits at the red door .
the captain waits for the keeper .
the captain watches the small boat .
the captain leaves his house in the morning .
the captain comes home .
the captain comes home in the rain .
the captain hears a quiet song .
the captain finds the lost boat .
the captain sings in the storm .
the captain sleeps in his boat .
the keeper lights the lamp .
the keeper lights the lamp in the evening .
the keeper lights the old lamp .
the keeper lights the fire .
the keeper lights the fire in the morning .
the keeper watches the sea .
the keeper watches the sea all night .
the keeper watches the ship .
the keeper watches the storm all night .
the keeper writes a letter by the lamp .
the keeper writes a long letter at night .
the keeper writes to the captain .
the keeper reads a letter .
the keeper reads by the lamp .
the keeper reads by the fire .
the keeper hears the rain .
the keeper hears the sea all night .
the keeper opens the window .
the keeper opens the door for the cat .
the keeper opens the letter .
the keeper feeds the cat .
the keeper feeds the cat in the morning .
the keeper feeds the small dog .
the keeper drinks his tea .
the keeper drinks tea by the fire .
the keeper waits for the morning .
the keeper waits for the red ship .
the keeper sleeps in the morning .
the keeper finds a small bird .
the keeper finds the child by the sea .
the keeper sings a song .
the keeper sings to the child .
a child sleeps by the fire .
a child sings a song .
a child sings a quiet song .
a child finds a stone .
a child finds a small stone by the sea .
a child feeds the birds .
a child feeds the birds in the morning .
a child waits at the window .
a child waits in the harbour .
a child watches the birds .
a child watches the red boat .
a child hears the wind .
a child opens the window .
a child runs to the sea .
a child runs home .
a child runs home in the rain .
a child reads a letter .
a child writes a letter to the captain .
the child sleeps .
the child sleeps by the window .
the child sings to the cat .
the child finds a lost bird .
the child finds a red stone .
the child feeds the small cat .
the child feeds the lost bird .
the child waits for the captain .
the child waits for the birds .
the child watches the birds all morning .
the child watches the rain .
the child hears the storm at night .
the child hears a quiet song .
the child runs to the harbour .
the child runs to the window .
the child comes home with a stone .
the child comes home with the dog .
the child opens the red door .
the small cat sleeps .
the small cat sleeps on the bed .
the small cat sleeps by the fire .
the small cat sleeps in the boat .
the small cat waits at the door .
the small cat waits for the birds .
the small cat watches the birds .
the small cat watches the fire .
the small cat hears the rain .
the small cat hears a bird .
the small cat drinks milk .
the small cat drinks milk in the morning .
the small cat runs home .
the cat sleeps on the warm stone .
the cat sleeps on the bed .
the cat sleeps all morning .
the cat drinks milk by the door .
the cat drinks warm milk .
the cat watches a bird .
the cat watches the small dog .
the cat comes home at night .
the cat comes home in the rain .
the cat runs to the door .
the dog sleeps by the door .
the dog sleeps on the warm stone .
the dog runs to the sea .
the dog runs to the captain .
the dog runs in the rain .
the dog waits for the child .
the dog waits at the door all night .
the dog hears the cat .
the dog hears the wind at night .
the dog comes home with a stone .
the dog finds the lost cat .
the dog watches the cat .
the birds sing .
the birds sing in the morning .
the birds sing in the rain .
the birds sleep on the red boat .
the birds wait for the wind .
the birds wait on the warm stone .
the birds leave the harbour in the evening .
the birds leave in the rain .
the birds come home in the evening .
the birds come home with the wind .
a small bird sings .
a small bird sings at the window .
a small bird sleeps in the boat .
a small bird waits on the warm stone .
a small bird comes home with the storm .
a bird sings at night .
the red ship leaves the harbour .
the red ship leaves in the morning .
the red ship comes home .
the red ship comes home in the evening .
the red ship waits for the wind .
the red ship waits in the harbour .
the red ship sleeps in the harbour .
the ship leaves at night .
the ship waits for the captain .
the ship comes home with the storm .
a small boat leaves the harbour .
a small boat waits in the harbour .
a small boat comes home in the storm .
the small boat sleeps by the sea .
the small boat waits for the old captain .
the storm comes at night .
the storm comes in the evening .
the storm leaves in the morning .
the wind sings .
the wind sings in the night .
the wind sings at the window all night .
the wind opens the door .
the wind opens the window at night .
the rain comes in the morning .
the rain comes with the wind .
the rain sings on the window .
the sea sings in the storm .
the sea sleeps .
the sea sleeps in the morning .
the lamp waits in the window .
the fire sings in the evening .
"""
