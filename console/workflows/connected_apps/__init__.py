"""Apps whose branches follow Amplify: importing, connecting and refreshing them."""
